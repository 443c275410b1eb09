package mci

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"
)

// String gives the contact on one line, as the evidence of who was asked holds it.
func (c Contact) String() string {
	parts := []string{c.Name, "<" + c.Email + ">", c.Phone, c.Locale}
	if c.Notices != nil && !*c.Notices {
		parts = append(parts, "no notices")
	}
	return strings.Join(parts, " ")
}

// TakesNotices says whether the contact may be told of events (D29).
func (c Contact) TakesNotices() bool { return c != ErasedContact && (c.Notices == nil || *c.Notices) }

// SameAddress compares two checked addresses: letter case and the spelling of the domain make no difference (D18).
func SameAddress(a, b string) bool { return NormalAddress(a) == NormalAddress(b) }

// AddressHash stands for a checked address where the address itself is not stored.
func AddressHash(address string) string {
	sum := sha256.Sum256([]byte(NormalAddress(address)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// NormalAddress is the one spelling by which addresses are compared.
func NormalAddress(address string) string {
	if parsed, err := ParseEmail(address); err == nil {
		address = parsed
	}
	return strings.ToLower(address)
}

// DomainFinding is what the directory finds about the domain of the customer contact's address.
type DomainFinding string

// What can be found. A finding "of-partner" may stand beside any of the others.
const (
	DomainOfCustomer        DomainFinding = "of-customer"
	DomainOfAnotherCustomer DomainFinding = "of-another-customer"
	DomainUnknown           DomainFinding = "unknown" // it leads to no tenant
	DomainOfPartner         DomainFinding = "of-partner"
)

// ContactCheck is what a customer's contact is judged by (D18, D23).
type ContactCheck struct {
	CustomerID string
	Nominated  NominatedID
	Domain     DirectoryEntry // of the customer contact's address
	Location   Location       // of the partner
	Customer   Contact
	Partner    Contact
}

// leadsToCustomer says that the address's domain leads to the nominated customer.
func (k ContactCheck) leadsToCustomer() bool {
	byTenant := k.Nominated.Type == TenantID && k.Domain.Tenant == k.Nominated.Value
	return k.Domain.Tenant != "" && (byTenant || k.Domain.Customer == k.CustomerID)
}

func (k ContactCheck) ofPartner() bool {
	domain := EmailDomain(k.Customer.Email)
	return domain == EmailDomain(k.Partner.Email) || slices.Contains(k.Location.PartnerDomains, domain)
}

// Findings is what an event records of the contact's domain, as words with spaces between.
func (k ContactCheck) Findings() string {
	finding := DomainOfAnotherCustomer
	switch {
	case k.Domain.Tenant == "":
		finding = DomainUnknown
	case k.leadsToCustomer():
		finding = DomainOfCustomer
	}
	if k.ofPartner() {
		return string(finding) + " " + string(DomainOfPartner)
	}
	return string(finding)
}

// Mismatch says why a reason is asked for, or "" where none is: the customer was nominated by a tenant ID to which the
// address's domain does not lead (S12, D18), or the address is at the partner contact's domain, which does not lead to
// the customer (D23).
func (k ContactCheck) Mismatch() string {
	byTenant := k.Nominated.Type == TenantID && !k.Nominated.ByDomain
	switch {
	case byTenant && k.Domain.Tenant != k.Nominated.Value:
		return "The tenant ID is not the one that the customer's email domain leads to: give a mismatchReason."
	case EmailDomain(k.Customer.Email) == EmailDomain(k.Partner.Email) && !k.leadsToCustomer():
		return "The customer's address is at the partner contact's domain: give a mismatchReason."
	}
	return ""
}

// Mistakes gives the mistakes that no reason excuses (D23): the customer's address is the partner contact's own, or the
// partner's contact is at a domain that is not the partner's.
func (k ContactCheck) Mistakes() []Mistake {
	var mistakes []Mistake
	if k.Customer.Email != "" && SameAddress(k.Customer.Email, k.Partner.Email) {
		mistakes = append(mistakes, Mistake{"/customerContact/email",
			"must be the customer's, not the partner contact's own"})
	}
	domains := k.Location.PartnerDomains
	if k.Partner.Email != "" && len(domains) > 0 && !slices.Contains(domains, EmailDomain(k.Partner.Email)) {
		mistakes = append(mistakes, Mistake{"/partnerContact/email", "must be at a domain of your company: " +
			Join(domains)})
	}
	return mistakes
}

// scheme finds the beginning of an address such as mailto:ana. It is compiled when a name is first checked.
var scheme = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\pL[\pL\pN+.-]*:\S`) })

// CheckContactName refuses a name that holds a link, for emails and pages show it (D23).
func CheckContactName(name string) error {
	normal := strings.Map(visible, strings.ReplaceAll(norm.NFKC.String(name), "。", "."))
	if strings.ContainsAny(normal, "/@\\") || scheme().MatchString(normal) {
		return fmt.Errorf("must be a name, without an address or a link")
	}
	words := strings.FieldsFunc(normal, func(r rune) bool {
		return r != '.' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
	for _, word := range words {
		word = strings.ToLower(strings.Trim(word, ".-"))
		ascii, err := idna.Lookup.ToASCII(word)
		if err != nil { // a browser may be less strict
			ascii, err = idna.Punycode.ToASCII(word)
		}
		if err == nil {
			word = ascii
		}
		suffix, isICANN := publicsuffix.PublicSuffix(word)
		if strings.Contains(word, ".") && (isICANN || strings.Contains(suffix, ".")) {
			return fmt.Errorf("must be a name, without a web address such as %s", word)
		}
	}
	return nil
}

// visible drops what is not seen within a word, such as a direction mark: what a reader sees is a link without it.
func visible(r rune) rune {
	if unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}

// maxAddresses is how many network addresses an act keeps (D24).
const maxAddresses = 5

// ActAddresses gives the network addresses that an act keeps (D24): the connection's, and the valid ones among those
// that a proxy forwarded, at most five in all and each once.
func ActAddresses(connection, forwarded string) []string {
	var addresses []string
	for _, text := range append([]string{connection}, strings.Split(forwarded, ",")...) {
		address, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil || address.Zone() != "" {
			continue
		}
		if plain := address.Unmap().String(); !slices.Contains(addresses, plain) && len(addresses) < maxAddresses {
			addresses = append(addresses, plain)
		}
	}
	return addresses
}
