package importer

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

var (
	errChanged = errors.New("the file was changed after it had been checked")
	errTooLong = fmt.Errorf("the row has more than %d bytes", maxRow)
)

// maxRow bounds what is held in memory, where a quote or an array does not end. No sound row comes near it.
const maxRow = 1 << 20

// source is a file being read, in the pass that checks or in the one that writes.
type source struct {
	load     *load
	file     *file
	reader   io.Reader
	unread   int // bytes read since the last row
	checking bool
	rows     int
	take     func(place, change) error // gets what each row asks for
}

// Read reads on in the file, as long as a row may be.
func (s *source) Read(buffer []byte) (int, error) {
	if s.unread > maxRow {
		return 0, errTooLong
	}
	n, err := s.reader.Read(buffer)
	s.unread += n
	return n, err
}

// row is one row of a CSV file, or one element of a JSON array, being read.
type row struct {
	source   *source
	at       place
	mistakes int
	keyless  bool // it is not known what the row is about, for its key has a mistake

	columns map[string]int
	cells   []string
}

// deliver hands on what the row asks for. A row with a mistake is known by its key, so that what refers to it is not
// called a mistake as well.
func (s *source) deliver(r *row, change change) error {
	s.rows++
	switch {
	case !s.checking && r.mistakes > 0:
		return errChanged
	case r.keyless:
		return nil
	}
	return s.take(r.at, change)
}

func (r *row) report(field, format string, arguments ...any) {
	r.mistakes++
	if r.source.checking {
		r.source.load.report(r.at, field+": "+fmt.Errorf(format, arguments...).Error())
	}
}

// fail reports that the file cannot be read beyond this row, or not from it on as it was meant.
func (r *row) fail(reason string) error {
	if !r.source.checking {
		return errChanged
	}
	r.source.load.broken[r.at.file.name] = true
	r.source.load.report(r.at, reason)
	return nil
}

// refersTo notes that the row makes sense only if the key, which the named file would hold, is there.
func (r *row) refersTo(field, what, file string, key table.Key) {
	if !r.source.checking || r.source.load.has(key) {
		return
	}
	r.source.load.miss(reference{field, what, file, key}, r.at)
}

// readCSV goes through a CSV file. Byte order marks, line ends of either kind, quoted cells, columns in any order and
// spaces around cells are all right.
func readCSV(s *source) error {
	reader := csv.NewReader(skipMark(s))
	reader.FieldsPerRecord = -1 // counted here, to say what is wrong
	header, err := reader.Read()
	r := &row{source: s, at: place{s.file, 1}}
	var syntax *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return r.fail("the file is empty: its first line must be " + strings.Join(s.file.columns, ","))
	case errors.Is(err, errTooLong):
		return r.fail(err.Error())
	case errors.As(err, &syntax):
		return r.fail(syntaxReason(syntax))
	case err != nil:
		return err
	}
	columns, problems := s.file.header(header)
	for _, problem := range problems {
		if err := r.fail(problem); err != nil {
			return err
		}
	}
	if len(problems) > 0 {
		return nil
	}
	reader.ReuseRecord = true
	for last := 1; ; {
		s.unread = 0
		cells, err := reader.Read()
		r := &row{source: s, at: place{s.file, last + 1}, columns: columns, cells: cells}
		switch {
		case errors.Is(err, errTooLong):
			return r.fail(err.Error() + "; does a quote not end?")
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &syntax):
			r.at = place{s.file, syntax.StartLine}
			if err := r.fail(syntaxReason(syntax)); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		line, _ := reader.FieldPos(0)
		r.at = place{s.file, line}
		last, _ = reader.FieldPos(len(cells) - 1)
		if reason := r.shape(len(header)); reason != "" {
			s.rows++
			if err := r.fail(reason); err != nil {
				return err
			}
			continue
		}
		if err := s.deliver(r, s.file.change(r)); err != nil {
			return err
		}
	}
}

// header gives where each column stands.
func (f *file) header(header []string) (columns map[string]int, problems []string) {
	columns = map[string]int{}
	for i, name := range header {
		name = strings.TrimSpace(name)
		_, twice := columns[name]
		switch {
		case !utf8.ValidString(name):
			return nil, []string{"the file must be text in UTF-8"}
		case twice:
			problems = append(problems, fmt.Sprintf("the column %s is there twice", quoted(name)))
		case !slices.Contains(f.columns, name):
			problems = append(problems, fmt.Sprintf("there is no column %s; the columns are %s", quoted(name),
				strings.Join(f.columns, ",")))
		}
		columns[name] = i
	}
	for _, name := range f.columns {
		if _, found := columns[name]; !found && name != f.optional {
			problems = append(problems, fmt.Sprintf("the column %s is missing; the columns are %s", name,
				strings.Join(f.columns, ",")))
		}
	}
	return columns, problems
}

// shape says what is wrong with the row as a whole, or "".
func (r *row) shape(columns int) string {
	last, hasOptional := r.columns[r.at.file.optional]
	switch {
	case hasOptional && last == columns-1 && len(r.cells) == columns-1:
	case len(r.cells) != columns:
		return fmt.Sprintf("the row has %d cells, the header %d", len(r.cells), columns)
	}
	for i, cell := range r.cells {
		if !utf8.ValidString(cell) {
			return fmt.Sprintf("cell %d is not text in UTF-8", i+1)
		}
	}
	return ""
}

func syntaxReason(err *csv.ParseError) string {
	switch {
	case errors.Is(err, csv.ErrBareQuote):
		return fmt.Sprintf("a cell that holds a quote must stand in quotes, and its quotes doubled (line %d, column "+
			"%d)",
			err.Line, err.Column)
	case errors.Is(err, csv.ErrQuote):
		return fmt.Sprintf("a cell in quotes must end with a quote, and its quotes be doubled (line %d, column %d)",
			err.Line, err.Column)
	}
	return err.Err.Error()
}

// skipMark leaves out the byte order mark with which some programs begin a file.
func skipMark(reader io.Reader) io.Reader {
	const mark = "\ufeff"
	head := make([]byte, len(mark))
	n, err := io.ReadFull(reader, head)
	if string(head[:n]) == mark {
		return reader
	}
	rest := reader
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		rest = failing{err}
	}
	return io.MultiReader(strings.NewReader(string(head[:n])), rest)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// cell is a cell's text, "" if its column was left out.
func (r *row) cell(column string) string {
	i, present := r.columns[column]
	if !present || i >= len(r.cells) {
		return ""
	}
	return strings.TrimSpace(r.cells[i])
}

// id reads a cell that holds an ID; "" if it holds none.
func (r *row) id(column string) string {
	id := r.cell(column)
	if err := mci.CheckID(id); err != nil {
		r.report(column, "%w; is %s", err, quoted(id))
		r.keyless = true
		return ""
	}
	return id
}

// line reads a cell that people will read.
func (r *row) line(column string, max int) string {
	text := r.cell(column)
	if err := mci.CheckLine(text, max); err != nil {
		r.report(column, "%w; is %s", err, quoted(text))
	}
	return text
}

// flag reads a cell that holds true or false, as spreadsheets write it or as programs do.
func (r *row) flag(column string) bool {
	text := r.cell(column)
	switch strings.ToLower(text) {
	case "true":
		return true
	case "false":
	default:
		r.report(column, "must be true or false; is %s", quoted(text))
	}
	return false
}

func (r *row) money(field, amount string) mci.Money {
	money, err := mci.ParseMoney(amount)
	if err != nil {
		r.report(field, "%w; is %s", err, quoted(amount))
	}
	return money
}

// customerID brings a customer ID into normal form. A type that is "" was reported already.
func (r *row) customerID(column string, idType mci.IDType, value string) mci.CustomerID {
	if idType == "" {
		r.keyless = true
		return mci.CustomerID{}
	}
	id, err := mci.ParseCustomerID(idType, value)
	if err != nil {
		r.report(column, "%w; is %s", err, quoted(value))
		r.keyless = true
	}
	return id
}
