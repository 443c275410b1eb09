package importer

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Data are rows of the program's files by the files' names, for programs and tests that make up their own. A row has
// the cells of its file's columns in their order, the last of which may be left out where it is optional; a row of
// engagements.json is one engagement.
type Data map[string][][]any

// Add adds a row to a file.
func (d Data) Add(file string, cells ...any) { d[file] = append(d[file], cells) }

// Write writes the files into a folder.
func (d Data) Write(folder string) error {
	for name, rows := range d {
		content, err := encode(name, rows)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), content, 0o644)
		}
		if err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

func encode(name string, rows [][]any) ([]byte, error) {
	var text bytes.Buffer
	if name == engagementsFile {
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		err := encoder.Encode(slices.Concat(rows...))
		return text.Bytes(), err
	}
	at := slices.IndexFunc(files, func(f file) bool { return f.name == name })
	if at < 0 {
		return nil, fmt.Errorf("the program has no such file")
	}
	columns := files[at].columns
	lines := [][]string{columns[:min(len(columns), len(rows[0]))]}
	for _, row := range rows {
		line := make([]string, len(row))
		for i, cell := range row {
			line[i] = fmt.Sprint(cell)
		}
		lines = append(lines, line)
	}
	err := csv.NewWriter(&text).WriteAll(lines)
	return text.Bytes(), err
}

// Import loads the rows as Run loads a folder.
func (d Data) Import(ctx context.Context, client *dynamodb.Client, tableName string, options Options) (Summary, error) {
	folder, err := os.MkdirTemp("", "import-")
	if err != nil {
		return Summary{}, fmt.Errorf("making a folder for the program's files: %w", err)
	}
	defer os.RemoveAll(folder)
	if err := d.Write(folder); err != nil {
		return Summary{}, err
	}
	return Run(ctx, client, tableName, folder, options)
}
