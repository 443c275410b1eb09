package system

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"mci.example/customers/scripts/local/localtest"
	"mci.example/customers/scripts/local/localtest/story"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/rest"
)

// TestEveryRouteHasItsHandlerAndEveryHandlerItsRoute reads from the functions' sources which routes they register.
func TestEveryRouteHasItsHandlerAndEveryHandlerItsRoute(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(localtest.Root(), "functions")
	for _, function := range platform.Functions {
		var routed []string
		for _, route := range rest.GatewayRoutes() {
			if route.Function == function.Name {
				routed = append(routed, route.Key())
			}
		}
		woken := []string{platform.Schedule.Function, platform.Stream.Function, platform.MailEvents.Function,
			platform.Notices.Function}
		if len(routed) == 0 && !slices.Contains(woken, function.Name) {
			t.Errorf("nothing ever calls %s", function.Name)
		}
		registered := registeredIn(t, filepath.Join(folder, function.Name))
		if function.Name == "consent-callback" || function.Name == "portal" {
			routed = nil // pages for people: they answer all of their routes by themselves
		}
		slices.Sort(routed)
		if !slices.Equal(routed, registered) {
			t.Errorf("%s registers %q, and its routes are %q", function.Name, registered, routed)
		}
	}
	for _, route := range rest.GatewayRoutes() {
		if !slices.ContainsFunc(platform.Functions, func(f platform.Function) bool {
			return f.Name == route.Function
		}) {
			t.Errorf("%s is answered by %s, which is no function", route.Key(), route.Function)
		}
	}
}

// registeredIn lists the route keys under which a function's sources register handlers.
func registeredIn(t *testing.T, folder string) (keys []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, entry.Name()), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if pair, isPair := node.(*ast.KeyValueExpr); isPair {
				if text, isText := pair.Key.(*ast.BasicLit); isText && text.Kind == token.STRING {
					if key, err := strconv.Unquote(text.Value); err == nil && strings.Contains(key, " /") {
						keys = append(keys, key)
					}
				}
			}
			return true
		})
	}
	slices.Sort(keys)
	return keys
}

func TestTheDescriptionIsServedAsItIsWritten(t *testing.T) {
	t.Parallel()
	answer := localtest.Call(t, "GET", "/v1/openapi.json", "", nil).Expect(t, 200)
	written, err := os.ReadFile(filepath.Join(localtest.Root(), "shared", "rest", "openapi", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dense bytes.Buffer
	if err := json.Compact(&dense, written); err != nil {
		t.Fatal(err)
	}
	if dense.String() != string(answer.Body) {
		t.Error("what is served is not what stands in openapi.json, less its spaces")
	}
	for name, want := range map[string]string{"Content-Type": "application/json", "X-Content-Type-Options": "nosniff",
		"Cache-Control": "no-store"} {
		if got := answer.Header.Get(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	story.Refused(t, localtest.Call(t, "GET", "/v1/openapi.json?format=yaml", "", nil), 422, mci.Invalid)
}

func TestWhatIsNoRouteIsNotFound(t *testing.T) {
	t.Parallel()
	token := localtest.Token(t, "partner", "user", mci.Roles...)
	for _, call := range []string{
		"GET /v1", "GET /v1/", "GET /v2/claims", "GET /v1/claim", "GET /v1/claims/", "GET /V1/claims",
		"PUT /v1/claims/x",
		"DELETE /v1/claims/x",
		"PATCH /v1/claims/x", "POST /v1/claims", "HEAD /v1/claims", "OPTIONS /v1/claims", "POST /v1/engagements",
		"GET /v1/customers", "GET /consent/",
		"GET /consent", "PUT /consent/x", "GET /v1/eligibility-checks", "GET /v1/referrals/x/upgrade",
		"GET /openapi.json",
		"POST /v1/openapi.json",
	} {
		method, path, _ := strings.Cut(call, " ")
		localtest.Call(t, method, path, token, nil).Expect(t, 404)
	}
}
