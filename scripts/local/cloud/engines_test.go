package cloud

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The engine takes the stream's table that it finds: it must be the one that it would make itself, and its index must
// spare the engine reading every record.
func TestTheEnginesFileHasTheEnginesOwnStreamTable(t *testing.T) {
	t.Parallel()
	config := echoConfig(t, t.TempDir())
	if config.DynamoDBEndpoint != "" {
		t.Skip("another engine is at work")
	}
	made, own := filepath.Join(config.StateDir, "made.sqlite"), filepath.Join(config.StateDir, "own.sqlite")
	if err := makeDatabaseFile(t.Context(), config.Root, made); err != nil {
		t.Fatal(err)
	}
	ports, err := FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := spawn(exec.Command(databaseBinary(config.Root), "serve", "--port", ports[0], "--db-path", own))
	if err != nil {
		t.Fatal(err)
	}
	err = waitHealthy(t.Context(), "http://127.0.0.1:"+ports[0]+"/", engine)
	engine.terminate(healthTimeout) // which has it write all to its file
	if err != nil {
		t.Fatal(err)
	}
	columns := "SELECT name, type, \"notnull\", pk FROM pragma_table_info('_stream_records')"
	if is, want := query(t, config.Root, made, columns), query(t, config.Root, own, columns); is != want {
		t.Errorf("the table that was made has the columns\n%s\nand the engine's\n%s", is, want)
	}
	next := "EXPLAIN QUERY PLAN SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = ''"
	if plan := query(t, config.Root, made, next); !strings.Contains(plan, "INDEX _stream_numbers") {
		t.Errorf("the engine looks for the next number by %s", plan)
	}
}

// query asks a file of SQLite, which nobody else has open.
func query(t *testing.T, root, file, statement string) string {
	t.Helper()
	script := `const { Database } = require(process.argv[1]);
const database = new Database(process.argv[2]);
database.exec('PRAGMA locking_mode = EXCLUSIVE');
console.log(JSON.stringify(database.all(process.argv[3])));
database.close();`
	output, err := exec.Command("node", "-e", script, sqliteModule(root), file, statement).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", statement, err, output)
	}
	return string(output)
}
