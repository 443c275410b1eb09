package main

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// column is a column of a list, on a page and in its CSV file (P9).
type column[T any] struct {
	Name string                       // its heading is the text column.<Name>
	Text func(w *words, row T) string // in the file, and on the page where there is no Node
	Node func(v *visit, row T) g.Node // on the page; nil in columns that only the file has, or that are text
	Page bool                         // whether it is on the page
	File bool                         // whether it is in the file
}

// shown is a column of page and file.
func shown[T any](name string, text func(w *words, row T) string, node func(v *visit, row T) g.Node) column[T] {
	return column[T]{name, text, node, true, true}
}

// onPage is a column of the page alone, inFile of the file alone.
func onPage[T any](name string, node func(v *visit, row T) g.Node) column[T] {
	return column[T]{Name: name, Node: node, Page: true}
}

func inFile[T any](name string, text func(w *words, row T) string) column[T] {
	return column[T]{Name: name, Text: text, File: true}
}

// table is a list on a page. The first column names the row. Where there is no row it says so.
func table[T any](v *visit, caption, nothing string, columns []column[T], rows []T) g.Node {
	if len(rows) == 0 {
		return h.P(h.Class("nothing"), g.Text(nothing))
	}
	var heads, lines []g.Node
	for _, column := range columns {
		if column.Page {
			heads = append(heads, h.Th(h.Scope("col"), v.words.text("column."+column.Name)))
		}
	}
	for _, row := range rows {
		var cells []g.Node
		for _, column := range columns {
			if !column.Page {
				continue
			}
			var content g.Node
			if column.Node != nil {
				content = column.Node(v, row)
			} else {
				content = g.Text(column.Text(v.words, row))
			}
			if len(cells) == 0 {
				cells = append(cells, h.Th(h.Scope("row"), content))
			} else {
				cells = append(cells, h.Td(h.Data("label", v.words.say("column."+column.Name)), content))
			}
		}
		lines = append(lines, h.Tr(changing(v.words, row), g.Group(cells)))
	}
	return h.Table(h.Caption(h.Class("unseen"), g.Text(caption)), h.THead(h.Tr(heads...)), h.TBody(lines...))
}

// changing marks a row for script, which renews it while the claim awaits somebody else.
func changing(w *words, row any) g.Node {
	switch row := row.(type) {
	case claim:
		return changingClaim(w, "row-"+row.ID, row)
	case customerRow:
		if row.Claim != nil {
			return changingClaim(w, "row-"+row.Claim.ID, *row.Claim)
		}
	}
	return nil
}

// changingClaim marks a part of a page that shows a claim, with the sentence that tells of its change.
func changingClaim(w *words, id string, c claim) g.Node {
	awaited := c.Status == "consent-pending" || c.Status == "submitted"
	said := c.FriendlyName + ": " + statusText(w, c)
	if email := emailText(w, c); email != "" {
		said += w.say("listMark") + email
	}
	return g.Group{h.ID(id), h.Data("part", said), g.If(awaited, h.Data("awaited", ""))}
}

// pageAsked gives the cursor of a list's page by its query parameter: "cursor", unless a page has several lists.
func (v *visit) pageAsked(parameter string) url.Values {
	if cursor := v.r.URL.Query().Get(parameter); cursor != "" {
		return url.Values{"cursor": {cursor}}
	}
	return url.Values{}
}

// pager leads to the next page of a list, and back to the first.
func (v *visit) pager(caption, parameter, cursor string) g.Node {
	query := v.r.URL.Query()
	given := query.Get(parameter) != ""
	if cursor == "" && !given {
		return nil
	}
	at := func(cursor string) string {
		query.Del(parameter)
		if cursor != "" {
			query.Set(parameter, cursor)
		}
		if len(query) == 0 {
			return v.r.URL.Path
		}
		return v.r.URL.Path + "?" + query.Encode()
	}
	return h.Nav(h.Class("pager"), h.Aria("label", v.words.say("pages")+": "+caption),
		g.If(cursor != "", link(at(cursor), v.words.say("nextPage"))),
		g.If(given, link(at(""), v.words.say("firstPage"))))
}

// Bounds of an export.
const (
	maxExport    = 10_000
	timeToExport = 20 * time.Second
)

// export answers with the whole list as a CSV file. read gives a page of it by its cursor.
func export[T any](v *visit, name string, columns []column[T], read func(cursor string) (rows []T, next string,
	err error)) error {
	began := time.Now()
	var b strings.Builder
	b.WriteString("\ufeff") // by which spreadsheets know UTF-8
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	write := func(cell func(c column[T]) string) error {
		var line []string
		for _, column := range columns {
			if column.File {
				line = append(line, harmless(cell(column)))
			}
		}
		return w.Write(line)
	}
	if err := write(func(c column[T]) string { return v.words.say("column." + c.Name) }); err != nil {
		return fmt.Errorf("writing a CSV file: %w", err)
	}
	for cursor, written := "", 0; ; {
		rows, next, err := read(cursor)
		if err != nil {
			return err
		}
		if written += len(rows); written > maxExport || time.Since(began) > timeToExport {
			return v.problemPage(http.StatusUnprocessableEntity, "tooMany",
				link(v.exportedList(), v.words.say("toList")))
		}
		for _, row := range rows {
			if err := write(func(c column[T]) string { return c.Text(v.words, row) }); err != nil {
				return fmt.Errorf("writing a CSV file: %w", err)
			}
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if w.Flush(); w.Error() != nil {
		return fmt.Errorf("writing a CSV file: %w", w.Error())
	}
	header := v.w.Header()
	header.Set("Content-Type", "text/csv; charset=utf-8")
	header.Set("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	_, _ = v.w.Write([]byte(b.String())) // the recorder never fails
	return nil
}

// exportedList is the address of the list that a file is of, with its filters.
func (v *visit) exportedList() string {
	list := url.URL{Path: strings.TrimSuffix(strings.TrimSuffix(v.r.URL.Path, ".csv"), "/home"),
		RawQuery: v.r.URL.RawQuery}
	return list.String()
}

// harmless gives a cell that no spreadsheet takes for a formula.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(cell)[0]) {
		return "'" + cell
	}
	return cell
}

// exportLink is the button that every list has.
func (v *visit) exportLink(address string, query url.Values) g.Node {
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return h.A(h.Class("button"), h.Href(address), v.words.text("exportCSV"))
}

// asked gives the query parameters of the page that the API knows too, without those left empty.
func (v *visit) asked(names ...string) url.Values {
	query, given := url.Values{}, v.r.URL.Query()
	for _, name := range names {
		if value := strings.TrimSpace(given.Get(name)); value != "" {
			query.Set(name, value)
		}
	}
	return query
}
