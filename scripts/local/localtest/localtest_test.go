package localtest

import (
	"crypto/rand"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/scripts/local/cloud"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
)

func TestMain(m *testing.M) {
	Main(m, func(config *cloud.Config) {
		config.Packages = []string{"./scripts/local/localtest/testdata/probe"}
		config.Functions = []platform.Function{{Name: "probe", MemoryMB: 256, Timeout: 20 * time.Second,
			Environment: []string{platform.TableName, platform.PublicURL, platform.ReceiptKeys}}}
		config.Routes = []rest.Route{{Method: "GET", Path: "/v1/probes", Function: "probe", Roles: mci.Roles}}
		config.Stream = cloud.Stream{Function: "probe", BatchSize: 10, Retries: 1}
	})
}

type steps map[string][][]string

func probe(t *testing.T, list ...[]string) Response {
	t.Helper()
	return Invoke(t, "probe", steps{"steps": list})
}

func stored1(t *testing.T, key string) bool {
	t.Helper()
	output, err := DynamoDB().GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(Table()),
		ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: key},
			"sk": &types.AttributeValueMemberS{Value: "-"}}})
	if err != nil {
		t.Fatal(err)
	}
	return output.Item != nil
}

func TestRequestsMadeAtOnceAreOneRoundTrip(t *testing.T) {
	probe(t, []string{"get warm"}).Expect(t, 200)
	Measure(t)
	answer := probe(t, []string{"get a", "get b", "get c"}, []string{"put a"}, []string{"get a", "get b"}).Expect(t,
		200)
	if answer.Waves() != 3 {
		t.Errorf("%d round trips instead of 3: %+v", answer.Waves(), answer.Requests())
	}
	var capacity float64
	var asked []string
	for _, request := range answer.Requests() {
		capacity += request.Capacity
		asked = append(asked, request.Action)
	}
	if capacity == 0 {
		t.Error("no consumed capacity was recorded")
	}
	if len(asked) != 6 || asked[3] != "TransactWriteItems" {
		t.Errorf("recorded %v", asked)
	}
}

func TestActionsAreRecorded(t *testing.T) {
	probe(t, []string{"get a", "put recorded", "mail actions@probe.example"}).Expect(t, 200)
	for _, action := range []string{"dynamodb:GetItem", "dynamodb:TransactWriteItems", "ses:SendEmail"} {
		if !slices.Contains(Actions("probe"), action) {
			t.Errorf("%s is not among %v", action, Actions("probe"))
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel() // as TestKeysSignAndFail
	tests := []struct {
		effect  Effect
		times   int
		status  int
		written bool
	}{
		{Fail, All, 500, false},
		{Fail, 1, 200, true}, // the SDK tries again
		{Throttle, All, 500, false},
		{Conflict, All, 500, false},
		{Reject, All, 500, false},
		{Down, All, 500, false},
		{Lose, All, 500, true},
		{Lose, 1, 200, true},
		{KillBefore, 1, 500, false},
		{KillAfter, 1, 500, true},
		{Slow, 1, 200, true},
	}
	for i, test := range tests {
		t.Run(string(test.effect), func(t *testing.T) {
			key := "fault-" + string(rune('a'+i))
			fault := Inject(t, Fault{Effect: test.effect, Function: "probe", Action: "TransactWriteItems",
				Times: test.times, Delay: 10 * time.Millisecond})
			probe(t, []string{"get " + key}, []string{"put " + key}).Expect(t, test.status)
			if fault.Fired() == 0 {
				t.Error("no request was hit")
			}
			if stored1(t, key) != test.written {
				t.Errorf("written: %t", !test.written)
			}
			probe(t, []string{"get " + key}).Expect(t, 200) // the next process works
		})
	}
}

func TestAHeldRequestWaitsUntilItIsReleased(t *testing.T) {
	key := "held-" + rand.Text()
	held := Inject(t, Fault{Effect: Hold, Action: "TransactWriteItems"})
	answered := make(chan Response)
	go func() { answered <- probe(t, []string{"put " + key}) }()
	held.Wait(t)
	if stored1(t, key) {
		t.Error("the request took effect while it was held")
	}
	held.Release()
	(<-answered).Expect(t, 200)
	if !stored1(t, key) {
		t.Error("the request took no effect once it was released")
	}
}

func TestMail(t *testing.T) {
	t.Parallel() // as TestKeysSignAndFail
	probe(t, []string{"mail one@probe.example"}, []string{"mail two@probe.example"}).Expect(t, 200)
	email := Mail(t, "two@probe.example", 1)
	if link := ConsentLink(t, email); link != "/consent/abc.def" {
		t.Errorf("the link is %s", link)
	}
	if got := Mails(t, "nobody@probe.example"); len(got) != 0 {
		t.Errorf("nobody got %v", got)
	}
	for _, effect := range []Effect{Fail, Throttle, Reject, Down} {
		fault := Inject(t, Fault{Effect: effect, Service: SESService, Times: All})
		probe(t, []string{"mail three@probe.example"}).Expect(t, 500)
		fault.Remove()
	}
	if got := Mails(t, "three@probe.example"); len(got) != 0 {
		t.Errorf("a failed email came: %v", got)
	}
}

func TestKeysSignAndFail(t *testing.T) {
	t.Parallel() // the SDK waits long between its tries
	sign := "sign " + ReceiptKey(t)
	answer := probe(t, []string{sign}).Expect(t, 200)
	if asked := answer.Requests(); len(asked) != 1 || asked[0].Service != KMSService || asked[0].Action != "Sign" {
		t.Errorf("recorded %+v", asked)
	}
	for _, effect := range []Effect{Fail, Throttle, Reject} {
		fault := Inject(t, Fault{Effect: effect, Service: KMSService, Times: All})
		probe(t, []string{sign}).Expect(t, 500)
		fault.Remove()
	}
	Inject(t, Fault{Effect: Slow, Service: KMSService, Delay: 10 * time.Millisecond})
	probe(t, []string{sign}).Expect(t, 200)
}

func TestTheClock(t *testing.T) {
	ahead := func(t *testing.T) time.Duration {
		t.Helper()
		return time.Until(Decode[struct{ Now time.Time }](t, probe(t).Expect(t, 200)).Now)
	}
	t.Run("runs ahead", func(t *testing.T) {
		SetClock(t, 744*time.Hour)
		if got := ahead(t); got < 743*time.Hour {
			t.Errorf("the function is %s ahead", got)
		}
	})
	if got := ahead(t); got > time.Minute {
		t.Errorf("after the test the function is %s ahead", got)
	}
}

func TestObserversSeeEveryAnswer(t *testing.T) {
	var seen []string
	var seeing sync.Mutex // tests that run side by side later are seen, too
	OnAnswer(func(_ testing.TB, request *http.Request, answer Response) {
		seeing.Lock()
		defer seeing.Unlock()
		seen = append(seen, request.Method+" "+request.URL.Path+" "+http.StatusText(answer.Status))
	})
	Call(t, "GET", "/v1/probes", "", nil).Expect(t, 401)
	Call(t, "GET", "/v1/probes", Token(t, "", "user-1", mci.FieldSeller), nil).Expect(t, 200)
	if !slices.Equal(seen, []string{"GET /v1/probes Unauthorized", "GET /v1/probes OK"}) {
		t.Errorf("seen: %q", seen)
	}
}

func TestTheStreamIsDrained(t *testing.T) {
	before := len(Requests("probe"))
	probe(t, []string{"put drained"}).Expect(t, 200)
	WaitDrained(t)
	if len(Requests("probe")) <= before {
		t.Error("nothing was recorded")
	}
}
