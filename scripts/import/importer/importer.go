// Package importer loads the program's own data, a folder of files, into the table.
//
// A load has two passes. The first reads and checks everything, and looks up in the table what the files refer to and
// do not hold themselves; one mistake anywhere, and nothing is written. The second reads the files again and writes.
// Neither holds a file in memory: of each row the first keeps a digest of its key alone. What is written is decided by
// the files, never by what the table had before, so that a load can be repeated, and one that was cut short is mended
// by repeating it.
package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Options change how a load is done. The zero value loads, silently.
type Options struct {
	DryRun   bool      // check, and write nothing
	Progress io.Writer // a terminal to draw progress on; nil for none
	Workers  int       // requests to DynamoDB at a time; 0 for a number that suits
}

const defaultWorkers = 8

// Summary says what was done, file by file in the order of loading.
type Summary struct {
	DryRun  bool
	Files   []FileSummary
	Ignored []string // what else lies in the folder
	Seconds float64
}

// FileSummary is one file's part of a Summary.
type FileSummary struct {
	Name    string
	Checked int // rows, or elements of the array
	Written int // items put or taken away
	Seconds float64
}

// String is the summary as a table for people.
func (s Summary) String() string {
	var text strings.Builder
	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "file\tchecked\twritten\tseconds\t\n")
	var checked, written int
	for _, file := range s.Files {
		fmt.Fprintf(t, "%s\t%d\t%d\t%.2f\t\n", file.Name, file.Checked, file.Written, file.Seconds)
		checked, written = checked+file.Checked, written+file.Written
	}
	fmt.Fprintf(t, "all\t%d\t%d\t%.2f\t\n", checked, written, s.Seconds)
	t.Flush() // to memory: cannot fail
	for _, name := range s.Ignored {
		fmt.Fprintf(&text, "ignored %s\n", printable(name))
	}
	return text.String()
}

// Mistake is one thing that is wrong with the files.
type Mistake struct {
	File   string
	Line   int // where the row begins, from 1; in JSON the element's index, from 0
	Reason string
}

// String gives "file:line: reason".
func (m Mistake) String() string {
	return fmt.Sprintf("%s:%d: %s", printable(m.File), m.Line, m.Reason)
}

// Mistakes is the error of a folder that cannot be loaded: everything that is wrong, in the order of files and lines.
type Mistakes []Mistake

// Error gives one line for each mistake.
func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, mistake := range m {
		lines[i] = mistake.String()
	}
	return strings.Join(lines, "\n")
}

// Run loads a folder into the table. It returns Mistakes, and has written nothing, if anything is wrong with the files.
// Any other error may have left a part written; running again completes it.
func Run(ctx context.Context, client *dynamodb.Client, tableName, folder string, options Options) (Summary, error) {
	began := time.Now()
	if options.Workers == 0 {
		options.Workers = defaultWorkers
	}
	l := &load{
		store:    store{client, tableName, options.Workers},
		folder:   folder,
		progress: options.Progress,
		seen:     map[digest]place{},
		missing:  map[reference][]place{},
		broken:   map[string]bool{},
		tenants:  map[string]string{},
	}
	l.summary.DryRun = options.DryRun
	if err := l.list(); err != nil {
		return l.summary, err
	}
	if err := l.check(ctx); err != nil {
		return l.summary, err
	}
	if !options.DryRun {
		if err := l.write(ctx); err != nil {
			return l.summary, err
		}
	}
	l.summary.Seconds = time.Since(began).Seconds()
	return l.summary, nil
}

// load is one folder on its way into the table.
type load struct {
	store    store
	folder   string
	progress io.Writer
	present  []presentFile
	summary  Summary

	mistakes   Mistakes
	seen       map[digest]place      // every key that the folder writes, and where
	missing    map[reference][]place // what the folder refers to and lacks itself, and where
	references []reference           // the keys of missing, in order
	broken     map[string]bool       // files that could not be read through, so that what they hold is not known
	tenants    map[string]string     // those that domains lead to, and the customer of each, "" if it has none
}

// presentFile is one of the folder's files as it was when it was checked.
type presentFile struct {
	*file
	size     int64
	modified time.Time
}

// place is where in the folder a row is.
type place struct {
	file *file
	line int
}

func (l *load) report(at place, reason string) {
	l.mistakes = append(l.mistakes, Mistake{at.file.name, at.line, reason})
}

// list finds the files that the folder has. What bears the name of no file but might be meant for one is a mistake.
func (l *load) list() error {
	entries, err := os.ReadDir(l.folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no folder %s", printable(l.folder))
	case err != nil:
		return fmt.Errorf("reading the folder %s: %w", printable(l.folder), err)
	}
	names := map[string]bool{}
	for _, entry := range entries {
		names[entry.Name()] = true
	}
	for i := range files {
		if !names[files[i].name] {
			continue
		}
		delete(names, files[i].name)
		info, err := os.Stat(filepath.Join(l.folder, files[i].name))
		switch {
		case err != nil:
			return fmt.Errorf("reading the folder %s: %w", printable(l.folder), err)
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is not a file", printable(filepath.Join(l.folder, files[i].name)))
		}
		l.present = append(l.present, presentFile{&files[i], info.Size(), info.ModTime()})
		l.summary.Files = append(l.summary.Files, FileSummary{Name: files[i].name})
	}
	for _, entry := range entries {
		name := entry.Name()
		switch extension := strings.ToLower(filepath.Ext(name)); {
		case !names[name], entry.IsDir(), strings.HasPrefix(name, "."):
		case extension == ".csv" || extension == ".json":
			l.mistakes = append(l.mistakes, Mistake{name, 1, "is none of the files that can be loaded: " + fileNames()})
		default:
			l.summary.Ignored = append(l.summary.Ignored, name)
		}
	}
	if len(l.present) == 0 && len(l.mistakes) == 0 {
		return fmt.Errorf("the folder %s has none of the files that can be loaded: %s", printable(l.folder),
			fileNames())
	}
	return nil
}

// check is the first pass.
func (l *load) check(ctx context.Context) error {
	for i, present := range l.present {
		began := time.Now()
		rows, err := l.read(ctx, present, checking, func(at place, change change) error {
			l.remember(at, change)
			return nil
		})
		if err != nil {
			return fmt.Errorf("checking %s: %w", present.name, err)
		}
		l.summary.Files[i].Checked = rows
		l.summary.Files[i].Seconds = time.Since(began).Seconds()
	}
	return l.resolve(ctx)
}

// write is the second pass.
func (l *load) write(ctx context.Context) error {
	if err := l.store.reach(ctx); err != nil {
		return fmt.Errorf("nothing was written: %w", err)
	}
	for i, present := range l.present {
		began := time.Now()
		written, err := l.writeFile(ctx, present)
		l.summary.Files[i].Written = written
		l.summary.Files[i].Seconds += time.Since(began).Seconds()
		if err != nil {
			return fmt.Errorf("writing %s, of which %d rows are written (load the folder again to complete it): %w",
				present.name, written, err)
		}
	}
	return nil
}

func (l *load) writeFile(ctx context.Context, present presentFile) (int, error) {
	info, err := os.Stat(filepath.Join(l.folder, present.name))
	if err != nil {
		return 0, err
	}
	if info.Size() != present.size || !info.ModTime().Equal(present.modified) {
		return 0, errChanged
	}
	w := l.store.newWriter(ctx)
	_, err = l.read(w.ctx, present, writing, func(_ place, change change) error { return w.add(change) })
	written, writeErr := w.close()
	// Where a request failed, its error is the one to tell: that the reading stopped follows from it.
	if writeErr != nil {
		return written, writeErr
	}
	return written, err
}

// The two passes, as progress names them.
const (
	checking = "checking"
	writing  = "writing"
)

// read goes through a file, hands on what its rows ask for, and gives their number. Progress counts bytes.
func (l *load) read(ctx context.Context, present presentFile, pass string, take func(place, change) error) (int,
	error) {
	f, err := os.Open(filepath.Join(l.folder, present.name))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	bar := newBar(l.progress, pass+" "+present.name, present.size)
	defer bar.finish()
	s := &source{
		load: l, file: present.file, reader: io.TeeReader(f, bar), checking: pass == checking,
		take: func(at place, change change) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return take(at, change)
		},
	}
	err = present.read(s)
	return s.rows, err
}

// printable is a file's name, or anything else that others chose, safe to show on a terminal.
func printable(name string) string {
	for _, r := range name {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return strconv.Quote(name)
		}
	}
	return name
}

// quoted is a value for a message, cut where it is long.
func quoted(value string) string {
	const longest = 60
	if runes := []rune(value); len(runes) > longest {
		return strconv.Quote(string(runes[:longest])) + "…"
	}
	return strconv.Quote(value)
}
