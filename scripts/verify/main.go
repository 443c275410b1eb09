// Command verify checks the receipt of a customer's decision with the published keys and nothing else:
//
//	verify <receipt> [<keys>]    or: make verify RECEIPT=<file> [JWKS=<file or address>]
//
// The receipt is the file that customers, partners and the program can have (consent-receipt.jws), or the API's answer
// that holds it. The keys are a JWK Set: a file, or an address; without one, those of the one-machine cloud that runs
// here (PORT). It says who answered what, when, and to which text; or why the receipt does not hold, with exit code 1.
//
// Who keeps the keys in a file needs no network, and trusts no one who could have altered the receipt, the table, or
// both.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"mci.example/customers/scripts/operator"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/receipts"
)

func main() {
	if len(os.Args) < 2 || len(os.Args) > 3 || os.Args[1] == "" {
		fmt.Fprintln(os.Stderr, "usage: make verify RECEIPT=<file> [JWKS=<file or address>]")
		os.Exit(2)
	}
	source := ""
	if len(os.Args) == 3 {
		source = os.Args[2]
	}
	if err := run(os.Stdout, os.Args[1], source); err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, path, source string) error {
	signed, err := operator.Read(path)
	if err != nil {
		return fmt.Errorf("reading the receipt: %w", err)
	}
	keys, err := operator.Keys(source)
	if err != nil {
		return err
	}
	receipt, err := receipts.Verify(compact(signed), keys)
	if err != nil {
		return fmt.Errorf("the receipt does not hold: %w", err)
	}
	return tell(out, receipt)
}

// compact gives the JWS of a file that holds it, or holds the API's answer with it.
func compact(content []byte) string {
	var answer struct{ Receipt string }
	if json.Unmarshal(content, &answer) == nil {
		return answer.Receipt
	}
	return strings.TrimSpace(string(content))
}

// tell says what a receipt that holds says.
func tell(out io.Writer, r mci.Receipt) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "The receipt holds.\n\n")
	for _, line := range [][2]string{
		{"customer", fmt.Sprintf("%s (%s, %s)", r.Customer.Name, r.Customer.ID, r.Customer.Country)},
		{"decision", string(r.Decision)},
		{"at", r.DecidedAt.UTC().Format(time.RFC3339Nano)},
		{"asked by partner", fmt.Sprintf("%s (%s)", r.Partner.Name, r.Partner.ID)},
		{"for engagement", fmt.Sprintf("%s (%s)", r.Engagement.Name, r.Engagement.ID)},
		{"claim", string(r.ClaimID)},
		{"event", fmt.Sprintf("%d of its history, hash %s, after %s", r.Event.Seq, r.Event.Hash, r.Event.PreviousHash)},
		{"issued by", r.Issuer},
		{"language", r.Language},
		{"statement's hash", r.StatementHash},
	} {
		fmt.Fprintf(t, "%s\t%s\n", line[0], line[1])
	}
	fmt.Fprintf(t, "\nThe customer was shown:\n\n%s\n", r.Statement)
	return t.Flush()
}
