package importer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/scripts/import/enginetest"
	"mci.example/customers/scripts/import/importer"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

func TestAFolderThatCannotBeLoadedIsToldSo(t *testing.T) {
	client, name := enginetest.NewTable(t)
	aFile := filepath.Join(folderOf(t, sound()), "customers.csv")
	folderForFile := t.TempDir()
	if err := os.Mkdir(filepath.Join(folderForFile, "customers.csv"), 0o755); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ folder, want string }{
		"a folder that is not there":  {filepath.Join(t.TempDir(), "nowhere"), "there is no folder "},
		"a file in place of a folder": {aFile, "reading the folder "},
		"an empty folder": {t.TempDir(),
			"has none of the files that can be loaded: engagements.json, locations.csv"},
		"a folder of other files": {folderOf(t, map[string]string{"README.md": "x", "notes.txt": "x"}),
			"has none of the files"},
		"a folder where a file should be": {folderForFile, "is not a file"},
	}
	for rule, test := range tests {
		t.Run(rule, func(t *testing.T) {
			_, err := importer.Run(t.Context(), client, name, test.folder, importer.Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestOtherThingsInTheFolderAreLeftAndNamed(t *testing.T) {
	client, name := enginetest.NewTable(t)
	files := sound()
	files["README.md"], files[".hidden.csv"] = "x", "x"
	folder := folderOf(t, files)
	if err := os.Mkdir(filepath.Join(folder, "old.csv"), 0o755); err != nil {
		t.Fatal(err)
	}
	summary := mustRun(t, client, name, folder, importer.Options{})
	if got := strings.Join(summary.Ignored, " "); got != "README.md" {
		t.Errorf("ignored %q", got)
	}
}

// Files can be loaded one at a time: what they refer to may be in the table already.
func TestWhatFilesReferToMayBeInTheTable(t *testing.T) {
	client, name := enginetest.NewTable(t)
	files := sound()
	together, nameTogether := enginetest.NewTable(t)
	mustRun(t, together, nameTogether, folderOf(t, files), importer.Options{})
	order := []string{"engagements.json", "locations.csv", "grants.csv", "customers.csv", "customer-ids.csv",
		"domains.csv", "opportunities.csv", "eligibility.csv"}
	for _, file := range order {
		mustRun(t, client, name, folderOf(t, map[string]string{file: files[file]}), importer.Options{})
	}
	if got, want := enginetest.Scan(t, client, name), enginetest.Scan(t, together, nameTogether); !equalItems(got,
		want) {
		t.Errorf("file by file the table has\n%v\nand with all at once\n%v", got, want)
	}
}

func TestWhatAFileLacksIsLeftAsItIs(t *testing.T) {
	client, name := enginetest.NewTable(t)
	mustRun(t, client, name, folderOf(t, sound()), importer.Options{})
	before := enginetest.Scan(t, client, name)
	added := folderOf(t, map[string]string{"customers.csv": customersHeader + "c2,Customer Two,FR,false\n"})
	mustRun(t, client, name, added, importer.Options{})
	after := enginetest.Scan(t, client, name)
	delete(after, table.NewCustomerRecord(mci.Customer{ID: "c2"}).Key)
	if len(after) != len(before) || !equalItems(before, after) {
		t.Errorf("the table had\n%v\nand has\n%v", before, after)
	}
}

func TestAGrantIsTakenAway(t *testing.T) {
	client, name := enginetest.NewTable(t)
	mustRun(t, client, name, folderOf(t, sound()), importer.Options{})
	grant := table.NewGrantRecord(mci.Grant{PartnerID: "p1", UserID: "u1", LocationID: "l1",
		Role: mci.IncentivesAdmin}).Key
	if _, there := enginetest.Scan(t, client, name)[grant]; !there {
		t.Fatal("the grant is not there")
	}
	for _, round := range []string{"taken away", "taken away again"} {
		revoked := map[string]string{"grants.csv": grantsHeader + "p1,u1,l1,incentives-admin,TRUE\n"}
		mustRun(t, client, name, folderOf(t, revoked), importer.Options{})
		if _, there := enginetest.Scan(t, client, name)[grant]; there {
			t.Errorf("the grant is there after it was %s", round)
		}
	}
	mustRun(t, client, name, folderOf(t, sound()), importer.Options{})
	if _, there := enginetest.Scan(t, client, name)[grant]; !there {
		t.Error("the grant, given again, is not there")
	}
}

// S10: a domain leads to a tenant, and names the tenant's customer where it has one.
func TestS10_ADomainNamesItsTenantAndTheTenantsCustomer(t *testing.T) {
	const nobodys = "00000000-1111-2222-3333-444444444444"
	client, name := enginetest.NewTable(t)
	files := sound()
	files["domains.csv"] = domainsHeader + "One.Example," + strings.ToUpper(aTenant) + "\nmünchen.example," + aTenant +
		"\nnobody.example," + nobodys + "\n"
	mustRun(t, client, name, folderOf(t, files), importer.Options{})
	items := enginetest.Scan(t, client, name)
	for domain, want := range map[string][2]string{
		"one.example":            {aTenant, "c1"},
		"xn--mnchen-3ya.example": {aTenant, "c1"},
		"nobody.example":         {nobodys, ""},
	} {
		id := mci.CustomerID{Type: mci.Domain, Value: domain}
		record, err := table.DecodeDirectoryRecord(items[table.NewDirectoryRecord(id, "").Key])
		if err != nil {
			t.Fatal(err)
		}
		if record.CustomerID != id || record.Tenant != want[0] || record.Customer != want[1] {
			t.Errorf("%s is recorded as %+v, want tenant and customer %q", domain, record, want)
		}
	}
}

func TestADryRunWritesNothing(t *testing.T) {
	client, name := enginetest.NewTable(t)
	summary := mustRun(t, client, name, folderOf(t, sound()), importer.Options{DryRun: true})
	if items := enginetest.Scan(t, client, name); len(items) != 0 {
		t.Errorf("%d items were written", len(items))
	}
	for _, file := range summary.Files {
		if file.Checked != 1 || file.Written != 0 {
			t.Errorf("the summary says %+v", file)
		}
	}
}

// A folder that refers to nothing outside can be checked without any table.
func TestADryRunNeedsNoTable(t *testing.T) {
	mustRun(t, enginetest.Client("http://127.0.0.1:1"), "none", sampleFolder, importer.Options{DryRun: true})
}

func TestATableThatIsNotThereIsToldSo(t *testing.T) {
	_, err := importer.Run(t.Context(), enginetest.Client(enginetest.Endpoint), "none", folderOf(t, sound()),
		importer.Options{})
	if err == nil || !strings.Contains(err.Error(), "there is no table none") {
		t.Errorf("the error is %v", err)
	}
}

// DynamoDB may do a part of a batch, or nothing of it, and leave the rest to be asked for again.
func TestWhatDynamoDBLeavesUndoneIsAskedForAgain(t *testing.T) {
	direct, name := enginetest.NewTable(t)
	mustRun(t, direct, name, folderOf(t, map[string]string{"engagements.json": sound()["engagements.json"]}),
		importer.Options{})
	var lock sync.Mutex
	refusals := map[string]int{}
	client := enginetest.Client(enginetest.Edge(t, func(action string, body []byte) []byte {
		var request struct{ RequestItems json.RawMessage }
		if err := json.Unmarshal(body, &request); err != nil || action != "BatchWriteItem" && action != "BatchGetItem" {
			return nil
		}
		lock.Lock()
		defer lock.Unlock()
		if refusals[action]++; refusals[action] > 3 {
			return nil
		}
		left := map[string]string{"BatchWriteItem": "UnprocessedItems", "BatchGetItem": "UnprocessedKeys"}[action]
		said, err := json.Marshal(map[string]any{left: request.RequestItems, "Responses": map[string]any{}})
		if err != nil {
			t.Error(err)
		}
		return said
	}))
	files := sound()
	delete(files, "engagements.json")
	folder := folderOf(t, files)
	writeEligibility(t, folder, 60)
	summary := mustRun(t, client, name, folder, importer.Options{})
	const rows = 6 + 60 // one in each of the others
	if items := enginetest.Scan(t, direct, name); len(items) != 1+rows {
		t.Errorf("the table has %d items, want %d", len(items), 1+rows)
	}
	written := 0
	for _, file := range summary.Files {
		written += file.Written
	}
	if written != rows || refusals["BatchWriteItem"] <= 3 || refusals["BatchGetItem"] <= 3 {
		t.Errorf("%d rows are said to be written, want %d; DynamoDB was asked %v times", written, rows, refusals)
	}
}

func writeEligibility(t testing.TB, folder string, rows int) {
	t.Helper()
	data := importer.Data{}
	for i := range rows {
		tenant := fmt.Sprintf("3f2504e0-4f89-41d3-9a0c-%012d", i)
		data.Add("eligibility.csv", "assessment", mci.TenantID, tenant, false, "")
	}
	if err := data.Write(folder); err != nil {
		t.Fatal(err)
	}
}

// A load that was cut short says so, and another one completes it.
func TestALoadThatWasCutShortIsCompletedByAnother(t *testing.T) {
	direct, name := enginetest.NewTable(t)
	folder := folderOf(t, sound())
	writeEligibility(t, folder, 2000)
	ctx, cut := context.WithCancel(t.Context())
	var lock sync.Mutex
	writes := 0
	client := enginetest.Client(enginetest.Edge(t, func(action string, _ []byte) []byte {
		lock.Lock()
		defer lock.Unlock()
		if action == "BatchWriteItem" {
			writes++
		}
		if writes == 20 {
			cut()
		}
		return nil
	}))
	if _, err := importer.Run(ctx, client, name, folder, importer.Options{}); err == nil ||
		!strings.Contains(err.Error(), "load the folder again to complete it") {
		t.Fatalf("the error is %v", err)
	}
	if count := len(enginetest.Scan(t, direct, name)); count == 0 || count >= 2000 {
		t.Fatalf("the table has %d items after the load was cut short", count)
	}
	mustRun(t, direct, name, folder, importer.Options{})
	if count := len(enginetest.Scan(t, direct, name)); count != 7+2000 {
		t.Errorf("the table has %d items, want %d", count, 7+2000)
	}
}

func TestAFileThatChangesWhileItIsLoadedIsNotWritten(t *testing.T) {
	direct, name := enginetest.NewTable(t)
	folder := folderOf(t, sound())
	var once sync.Once
	client := enginetest.Client(enginetest.Edge(t, func(action string, _ []byte) []byte {
		once.Do(func() { // the first request comes between the two passes
			changed := customersHeader + "c1,Customer One,US,true\nc1,Customer Two,US,true\n"
			if err := os.WriteFile(filepath.Join(folder, "customers.csv"), []byte(changed), 0o644); err != nil {
				t.Error(err)
			}
		})
		return nil
	}))
	_, err := importer.Run(t.Context(), client, name, folder, importer.Options{})
	if err == nil || !strings.Contains(err.Error(), "writing customers.csv") || !strings.Contains(err.Error(),
		"changed after it had been checked") {
		t.Errorf("the error is %v", err)
	}
	if _, there := enginetest.Scan(t, direct, name)[table.NewCustomerRecord(mci.Customer{ID: "c1"}).Key]; there {
		t.Error("the changed file was written")
	}
}

// Items hold amounts as decimal strings, and nothing that is not there.
func TestItemsAreAsTheRestOfTheSystemReadsThem(t *testing.T) {
	client, name := enginetest.NewTable(t)
	mustRun(t, client, name, folderOf(t, sound()), importer.Options{})
	item := enginetest.Scan(t, client, name)[table.NewEngagementRecord(mci.Engagement{ID: "assessment"}).Key]
	if payout, isText := item["payout"].(*types.AttributeValueMemberS); !isText || payout.Value != "2000.00" {
		t.Errorf("the payout is %v", item["payout"])
	}
	if _, there := item["rates"]; there {
		t.Errorf("fixed pay has rates: %v", item["rates"])
	}
}
