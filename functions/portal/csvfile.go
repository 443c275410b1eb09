package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
)

// nominationColumns are the columns of a file of nominations (P10).
var nominationColumns = []string{
	"friendlyName", "locationId", "idType", "idValue", "hours", "mismatchReason", "customerName", "customerEmail",
	"customerPhone", "locale", "partnerName", "partnerEmail", "partnerPhone",
}

// The bounds of a file of nominations.
const (
	maxRows = 500
	maxFile = 1 << 20 // bytes
)

// fileRow is a row of a file: its line as a spreadsheet numbers it, and its cells by column.
type fileRow struct {
	Line  int
	Cells map[string]string
}

// fileMistake is what is wrong with a file, or with one line of it: a text of mistake.file.<Key>, or one of a field.
type fileMistake struct {
	Line   int // 0 for the file as a whole
	Key    string
	Field  string
	Values []string // names and values of the text
}

// plainFile gives a file's text in UTF-8 and without its mark. Spreadsheets also write UTF-16, with a mark; false for
// anything else that is not UTF-8.
func plainFile(content []byte) (string, bool) {
	if bytes.HasPrefix(content, []byte{0xff, 0xfe}) || bytes.HasPrefix(content, []byte{0xfe, 0xff}) {
		decoded, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(content)
		if err != nil {
			return "", false
		}
		content = decoded
	}
	text := strings.TrimPrefix(string(content), "\ufeff")
	return text, utf8.ValidString(text) && !strings.Contains(text, "\x00")
}

// readRows reads a file's rows. The mistakes are all of one class: the file's, the header's, or the lines'.
func readRows(text string) ([]fileRow, []fileMistake) {
	if strings.TrimSpace(text) == "" {
		return nil, []fileMistake{{Key: "empty"}}
	}
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma, reader.FieldsPerRecord = delimiter(text), -1
	spreadsheet := spreadsheetLines{next: 1}
	header, err := reader.Read()
	if err != nil {
		return nil, []fileMistake{{Line: 1, Key: "unreadable"}}
	}
	spreadsheet.line(reader, header)
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	if mistakes := headerMistakes(header); len(mistakes) > 0 {
		return nil, mistakes
	}
	var rows []fileRow
	var mistakes []fileMistake
	for {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, []fileMistake{{Line: spreadsheet.next, Key: "unreadable"}}
		}
		line := spreadsheet.line(reader, record)
		if strings.TrimSpace(strings.Join(record, "")) == "" {
			continue // spreadsheets leave such lines behind
		}
		if len(record) != len(header) {
			mistakes = append(mistakes, fileMistake{Line: line, Key: "cells"})
			continue
		}
		cells := make(map[string]string, len(header))
		for i, name := range header {
			cells[name] = strings.TrimSpace(record[i])
		}
		rows = append(rows, fileRow{line, cells})
	}
	switch {
	case len(mistakes) > 0:
		return nil, mistakes
	case len(rows) == 0:
		return nil, []fileMistake{{Key: "empty"}}
	case len(rows) > maxRows:
		return nil, []fileMistake{{Key: "tooMany"}}
	}
	return rows, nil
}

// headerMistakes names the columns that are missing, unknown, or there twice.
func headerMistakes(header []string) []fileMistake {
	var mistakes []fileMistake
	for _, name := range nominationColumns {
		if !slices.Contains(header, name) {
			mistakes = append(mistakes, fileMistake{Line: 1, Key: "missingColumn", Values: []string{"column", name}})
		}
	}
	for i, name := range header {
		if !slices.Contains(nominationColumns, name) || slices.Contains(header[:i], name) {
			mistakes = append(mistakes, fileMistake{Line: 1, Key: "unknownColumn", Values: []string{"column", name}})
		}
	}
	return mistakes
}

// delimiter is what stands between the header's first two columns: a comma, or what spreadsheets of other languages
// write.
func delimiter(text string) rune {
	header, _, _ := strings.Cut(text, "\n")
	for _, candidate := range []rune{';', '\t'} {
		if strings.ContainsRune(header, candidate) && !strings.ContainsRune(header, ',') {
			return candidate
		}
	}
	return ','
}

// spreadsheetLines numbers records as a spreadsheet does: blank lines count, and a cell of several lines does not.
type spreadsheetLines struct {
	next int // the number of the next record, if no blank line comes before it
	end  int // the line of the file on which the last record ended
}

func (s *spreadsheetLines) line(reader *csv.Reader, record []string) int {
	first, _ := reader.FieldPos(0)
	last, _ := reader.FieldPos(len(record) - 1)
	number := s.next + max(0, first-s.end-1)
	s.end = last + strings.Count(record[len(record)-1], "\n")
	s.next = number + 1
	return number
}
