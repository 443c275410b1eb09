package mci

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Customer is the company that the partner works for, as the program's directory has it.
type Customer struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Country string `json:"country"`
	Managed bool   `json:"managed"` // has sellers of the program; some engagements co-sell with these only (D9)
}

// CustomerSummary is what claims and lists say of a customer.
type CustomerSummary struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Country string `json:"country"`
}

// Summary is what claims and lists say of the customer.
func (c Customer) Summary() CustomerSummary { return CustomerSummary{c.ID, c.Name, c.Country} }

// SortName is the form of a customer's name by which customers are listed and searched, whatever the letter case (D22).
// The four letters i of Turkish are one, for which of them is another's capital depends on the language.
func SortName(name string) string {
	return turkish.Replace(norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name))))
}

var turkish = strings.NewReplacer("i\u0307", "i", "\u0131", "i") // İ when folded, and ı

// IDType says what kind of customer ID a value is.
type IDType string

// The kinds of customer ID (S9).
const (
	Domain            IDType = "domain"
	TenantID          IDType = "tenant-id"
	TPID              IDType = "tpid" // top parent ID
	AzureSubscription IDType = "azure-subscription-id"
	MSXOpportunity    IDType = "msx-opportunity-id"
)

// IDTypes lists every kind of customer ID.
var IDTypes = []IDType{Domain, TenantID, TPID, AzureSubscription, MSXOpportunity}

// CustomerID is one of the IDs by which a customer can be nominated, in normal form.
type CustomerID struct {
	Type  IDType `json:"type"`
	Value string `json:"value"`
}

// String gives "tenant-id 1234…", for messages.
func (id CustomerID) String() string { return string(id.Type) + " " + id.Value }

// idParsers brings a value of each type into the one form by which the directory knows it.
var idParsers = map[IDType]func(string) (string, error){
	Domain:            ParseDomain,
	TenantID:          parseGUID,
	AzureSubscription: parseGUID,
	TPID: func(value string) (string, error) {
		if !spelled(value, 1, 20, digits, digits) {
			return "", fmt.Errorf("a TPID is 1 to 20 digits")
		}
		return value, nil
	},
	MSXOpportunity: func(value string) (string, error) {
		if !spelled(value, 1, 64, alphanumerics, alphanumerics+"._-") {
			return "", fmt.Errorf("an MSX opportunity ID is 1 to 64 letters, digits, dots, hyphens and underscores")
		}
		return value, nil
	},
}

// ParseCustomerID normalises and checks a customer ID; spaces around the value are dropped. The error says what a value
// of the type looks like.
func ParseCustomerID(idType IDType, value string) (CustomerID, error) {
	parse, known := idParsers[idType]
	if !known {
		return CustomerID{}, fmt.Errorf("a customer ID's type is one of %s", Join(IDTypes))
	}
	parsed, err := parse(strings.TrimSpace(value))
	if err != nil {
		return CustomerID{}, err
	}
	return CustomerID{idType, parsed}, nil
}

// IDsSpelled gives every customer ID that a text can be, in normal form: a GUID can be a tenant's or a subscription's.
func IDsSpelled(text string) []CustomerID {
	var ids []CustomerID
	for _, idType := range IDTypes {
		if id, err := ParseCustomerID(idType, text); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// Join lists words for a message: "a, b, c".
func Join[T ~string](words []T) string {
	joined := make([]string, len(words))
	for i, word := range words {
		joined[i] = string(word)
	}
	return strings.Join(joined, ", ")
}

// domainProfile maps as browsers do when they look a name up, and refuses what no name server can hold.
var domainProfile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true),
	idna.VerifyDNSLength(true),
	idna.ValidateLabels(true), idna.CheckHyphens(false))

// ParseDomain gives a domain in lower case and ASCII ("münchen.example" becomes "xn--mnchen-3ya.example").
func ParseDomain(value string) (string, error) {
	ascii, err := domainProfile.ToASCII(value)
	ascii = strings.TrimSuffix(ascii, ".") // the root's
	if again, errAgain := domainProfile.ToASCII(ascii); errAgain != nil || again != ascii {
		err = errors.Join(err, errAgain, errors.New("it has no normal form"))
	}
	if err != nil || !strings.Contains(ascii, ".") || strings.HasSuffix(ascii, ".") ||
		strings.Trim(ascii, "0123456789.") == "" {
		return "", fmt.Errorf("a domain is a name such as contoso.com")
	}
	return ascii, nil
}

func parseGUID(value string) (string, error) {
	id, err := uuid.Parse(value)
	if err != nil || len(value) != 36 {
		return "", fmt.Errorf("the value is a GUID such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301")
	}
	return id.String(), nil
}
