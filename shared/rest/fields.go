package rest

import (
	"golang.org/x/text/language"

	"mci.example/customers/shared/mci"
)

// ReadContact reads a contact, nil where there is none. Only partners' contacts choose whether to take notices (D29).
func ReadContact(o *Object, customer bool) *mci.Contact {
	if o == nil {
		return nil
	}
	contact := mci.Contact{Name: readContactName(o), Email: Parsed(o, "email", mci.ParseEmail)}
	if phone, given := o.String("phone"); given && phone != "" {
		if err := mci.CheckPhone(phone); err != nil {
			o.Mistake("phone", err.Error())
		}
		contact.Phone = phone
	}
	if locale, given := o.String("locale"); given && locale != "" {
		if _, err := language.Parse(locale); err != nil || len(locale) > 35 {
			o.Mistake("locale", "must be a language tag such as pt-BR")
		}
		contact.Locale = locale
	}
	if !customer {
		contact.Notices = o.OptionalBool("notices")
	}
	return &contact
}

// readContactName reads a name that holds no link (D23).
func readContactName(o *Object) string {
	name := o.Line("name", mci.MaxName)
	if err := mci.CheckContactName(name); err != nil && mci.CheckLine(name, mci.MaxName) == nil {
		o.Mistake("name", err.Error())
	}
	return name
}

// ReadContacts reads the two required contacts of a nomination.
func ReadContacts(body *Object) (customer, partner mci.Contact) {
	if contact := ReadContact(body.Object("customerContact"), true); contact != nil {
		customer = *contact
	}
	if contact := ReadContact(body.Object("partnerContact"), false); contact != nil {
		partner = *contact
	}
	return customer, partner
}

// ReadCustomerID reads the required ID by which a customer is nominated (S9).
func ReadCustomerID(body *Object) mci.CustomerID {
	o := body.Object("customerId")
	if o == nil {
		return mci.CustomerID{}
	}
	idType := OneOf(o, "type", mci.IDTypes)
	return Parsed(o, "value", func(value string) (mci.CustomerID, error) {
		if idType == "" {
			return mci.CustomerID{}, nil // the type's mistake says enough
		}
		return mci.ParseCustomerID(idType, value)
	})
}

// ReadOpportunityID reads the MSX opportunity ID by which a known customer is claimed, if one is given (D7).
func ReadOpportunityID(body *Object) mci.CustomerID {
	return OptionalParsed(body, "opportunityId", func(value string) (mci.CustomerID, error) {
		return mci.ParseCustomerID(mci.MSXOpportunity, value)
	})
}

// maxEngagements is for how many engagements a customer can be nominated at once (S16).
const maxEngagements = 10

// ReadLocationID reads the required ID of a location.
func ReadLocationID(body *Object) string { return body.Line("locationId", mci.MaxName) }

// ReadEngagementIDs reads the required engagements of a nomination.
func ReadEngagementIDs(body *Object) []string { return body.IDs("engagementIds", maxEngagements) }

// CheckLocation tells what is wrong with a location in a body that is not the partner's.
func CheckLocation(locationID string, isPartners bool) []mci.Mistake {
	if locationID == "" || isPartners {
		return nil
	}
	return []mci.Mistake{{Pointer: "/locationId", Detail: "is not a location of yours"}}
}
