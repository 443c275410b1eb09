package importer_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"mci.example/customers/scripts/import/enginetest"
	"mci.example/customers/scripts/import/importer"
)

const (
	locationsHeader = "partnerId,partnerName,locationId,locationName,country,enrolled,engagementIds\n"
	domainsColumn   = "partnerId,partnerName,locationId,locationName,country,enrolled,engagementIds," +
		"partnerDomains\n"
	grantsHeader        = "partnerId,userId,locationId,role,revoked\n"
	customersHeader     = "customerId,name,country,managed\n"
	customerIDsHeader   = "customerId,idType,idValue\n"
	domainsHeader       = "domain,tenantId\n"
	opportunitiesHeader = "opportunityId,customerId,value,status\n"
	eligibilityHeader   = "engagementId,idType,idValue,eligible,reason\n"

	aTenant = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
)

// sound is a folder in which nothing is wrong.
func sound() map[string]string {
	return map[string]string{
		"engagements.json":  "[" + anEngagement(nil) + "]",
		"locations.csv":     locationsHeader + "p1,Partner One,l1,Location One,US,true,assessment\n",
		"grants.csv":        grantsHeader + "p1,u1,l1,incentives-admin,\n",
		"customers.csv":     customersHeader + "c1,Customer One,US,true\n",
		"customer-ids.csv":  customerIDsHeader + "c1,tenant-id," + aTenant + "\n",
		"domains.csv":       domainsHeader + "one.example," + aTenant + "\n",
		"opportunities.csv": opportunitiesHeader + "o1,c1,1000.00,open\n",
		"eligibility.csv":   eligibilityHeader + "assessment,tenant-id," + aTenant + ",true,\n",
	}
}

// A folder with one mistake is refused, by file and line, and nothing is written.
func TestEveryMistakeIsReportedWithFileAndLineAndNothingIsWritten(t *testing.T) {
	client, table := enginetest.NewTable(t)
	long := strings.Repeat("x", 121)
	tests := []struct {
		rule, file, content string
		want                []string
	}{
		{"a file must have a header", "customers.csv", "", []string{"customers.csv:1: the file is empty"}},
		{"a column must not be missing", "customers.csv", "customerId,name,country\nc1,One,US\n",
			[]string{"customers.csv:1: the column managed is missing"}},
		{"a column must be known", "customers.csv", "customerId,name,country,managed,size\nc1,One,US,true,9\n",
			[]string{`customers.csv:1: there is no column "size"`}},
		{"a column must be there once", "customers.csv", "customerId,name,name,country,managed\nc1,One,One,US,true\n",
			[]string{`customers.csv:1: the column "name" is there twice`}},
		{"a file must be UTF-8 from its header on", "customers.csv", "\xff\xfec\x00u\x00s\x00",
			[]string{"customers.csv:1: the file must be text in UTF-8"}},
		{"a cell must be UTF-8", "customers.csv", customersHeader + "c1,Caf\xe9,US,true\n",
			[]string{"customers.csv:2: cell 2 is not text in UTF-8"}},
		{"a row must have every cell", "customers.csv", customersHeader + "c1,One,US,true\nc2,Two,US\n",
			[]string{"customers.csv:3: the row has 3 cells, the header 4"}},
		{"a row must have no cell too many", "customers.csv", customersHeader + "c1,One,US,true\nc2,Two,US,true,\n",
			[]string{"customers.csv:3: the row has 5 cells, the header 4"}},
		{"a quote must end", "customers.csv", customersHeader + "c1,One,US,true\nc2,\"Two,US,true\nc3,Three,US,true\n",
			[]string{"customers.csv:3: a cell in quotes must end with a quote"}},
		{"a quote must stand in quotes", "customers.csv",
			customersHeader + "c1,One,US,true\nc2,Tw\"o,US,true\nc3,,US,true\n",
			[]string{"customers.csv:3: a cell that holds a quote", "customers.csv:4: name: must not be blank"}},
		{"a row has an end", "customers.csv", customersHeader + "c1,One,US,true\n\"c2,Two,US,true\n" +
			strings.Repeat("c3,Three,US,true\n", 1<<17),
			[]string{"customers.csv:3: the row has more than 1048576 bytes; does a quote not end?"}},
		{"the line is where the row begins", "customers.csv", customersHeader +
			"c1,One,US,true\n\"c2\",\"Two\nand\nmore\",US,true\nc3,Three,US,maybe\n",
			[]string{"customers.csv:3: name: must be one line", "customers.csv:6: managed: must be true or false"}},
		{"blank lines count", "customers.csv", customersHeader + "c1,One,US,true\n\n\nc2,Two,US,\n",
			[]string{"customers.csv:5: managed: must be true or false"}},
		{"every mistake of a row counts", "customers.csv", customersHeader + "c1,One,US,true\n,,,\n",
			[]string{"customers.csv:3: customerId", "customers.csv:3: name", "customers.csv:3: country",
				"customers.csv:3: managed"}},
		{"an ID is not any text", "customers.csv", customersHeader + "c1,One,US,true\nc#2,Two,US,true\n",
			[]string{`customers.csv:3: customerId: an ID is`}},
		{"a name is not too long", "customers.csv", customersHeader + "c1," + long + ",US,true\n",
			[]string{"customers.csv:2: name: must have at most 120 characters, has 121"}},
		{"a name does not grow too long where it is sorted by", "customers.csv", customersHeader + "c1," +
			strings.Repeat("\ufdfa", 120) + ",US,true\n", []string{"customers.csv:2: name: is too long"}},
		{"a name hides nothing", "customers.csv", customersHeader + "c1,One\x00,US,true\nc2,Two\u202e,US,true\n",
			[]string{"customers.csv:2: name: must not contain the character U+0000",
				"customers.csv:3: name: must not contain the character U+202E"}},
		{"a row must not be there twice", "customers.csv", customersHeader + "c1,One,US,true\nc1,One,US,true\n",
			[]string{"customers.csv:3: customerId: the same as in customers.csv:2"}},
		{"two rows must not contradict each other", "customers.csv",
			customersHeader + "c1,One,US,true\nc1,Other,US,true\n",
			[]string{"customers.csv:3: customerId: the same as in customers.csv:2"}},

		{"a location is enrolled or not", "locations.csv",
			locationsHeader + "p1,Partner One,l1,Location One,US,yes,*\n",
			[]string{"locations.csv:2: enrolled: must be true or false"}},
		{"a location names engagements that exist", "locations.csv", locationsHeader +
			"p1,Partner One,l1,Location One,US,true,assessment;other;third\n",
			[]string{"locations.csv:2: engagementIds: neither engagements.json nor the table has engagement other",
				"locations.csv:2: engagementIds: neither engagements.json nor the table has engagement third"}},
		{"all engagements stand alone", "locations.csv", locationsHeader +
			"p1,Partner One,l1,Location One,US,true,*;assessment\n",
			[]string{"locations.csv:2: engagementIds: * stands for all engagements, and alone"}},
		{"an engagement is named once", "locations.csv", locationsHeader +
			"p1,Partner One,l1,Location One,US,true,assessment;assessment\n",
			[]string{"locations.csv:2: engagementIds: names assessment twice"}},
		{"an engagement's ID is not empty", "locations.csv", locationsHeader +
			"p1,Partner One,l1,Location One,US,true,assessment;\n",
			[]string{`locations.csv:2: engagementIds: an ID is`}},
		{"D23: a partner's domains are domains, each named once", "locations.csv", domainsColumn +
			"p1,Partner One,l1,Location One,US,true,*,one.example;not a domain;ONE.example;\n",
			[]string{`locations.csv:2: partnerDomains: a domain is a name such as contoso.com; is "not a domain"`,
				"locations.csv:2: partnerDomains: names one.example twice",
				`locations.csv:2: partnerDomains: a domain is a name such as contoso.com; is ""`}},
		{"a partner has domains in a number that can be read", "locations.csv", domainsColumn +
			"p1,Partner One,l1,Location One,US,true,*," + strings.Repeat("one.example;", 100) + "\n",
			[]string{"locations.csv:2: partnerDomains: must name at most 100 domains, names 101"}},

		{"a grant is for a location of its partner", "grants.csv", grantsHeader + "p2,u1,l1,incentives-admin,\n",
			[]string{"grants.csv:2: locationId: neither locations.csv nor the table has location l1 of partner p2"}},
		{"a grant is of a known role", "grants.csv", grantsHeader + "p1,u1,l1,admin,\n",
			[]string{`grants.csv:2: role: must be one of incentives-admin, incentives-user`}},
		{"a grant is revoked or not", "grants.csv", grantsHeader + "p1,u1,l1,incentives-user,no\n",
			[]string{`grants.csv:2: revoked: must be true or false; is "no"`}},
		{"a grant is not given and taken at once", "grants.csv", grantsHeader +
			"p1,u1,l1,incentives-user,\np1,u1,l1,incentives-user,true\n",
			[]string{"grants.csv:3: partnerId, userId, locationId and role: the same as in grants.csv:2"}},

		{"a customer ID is a customer's that exists", "customer-ids.csv", customerIDsHeader +
			"c1,tpid,123\nc9,tpid,124\n", []string{"customer-ids.csv:3: customerId: neither customers.csv nor the " +
			"table has customer c9"}},
		{"a customer ID is one customer's", "customer-ids.csv", customerIDsHeader + "c1,tenant-id," + aTenant +
			"\nc1,tenant-id," + strings.ToUpper(aTenant) + "\n",
			[]string{"customer-ids.csv:3: idType and idValue: the same as in customer-ids.csv:2"}},
		{"domains have a file of their own", "customer-ids.csv", customerIDsHeader + "c1,domain,one.example\n",
			[]string{`customer-ids.csv:2: idType: must be one of tenant-id, tpid, azure-subscription-id; is "domain"`}},
		{"a tenant ID is a GUID", "customer-ids.csv", customerIDsHeader + "c1,tenant-id,one\n",
			[]string{"customer-ids.csv:2: idValue: the value is a GUID"}},
		{"a TPID is digits", "customer-ids.csv", customerIDsHeader + "c1,tpid,12x\n",
			[]string{"customer-ids.csv:2: idValue: a TPID is"}},

		{"a domain is one", "domains.csv", domainsHeader + "not a domain," + aTenant + "\n",
			[]string{"domains.csv:2: domain: a domain is"}},
		{"a domain leads to a tenant", "domains.csv", domainsHeader + "one.example,\n",
			[]string{"domains.csv:2: tenantId: the value is a GUID"}},
		{"a domain leads to one tenant, however it is written", "domains.csv", domainsHeader + "bücher.example," +
			aTenant + "\nxn--bcher-kva.example," + aTenant + "\n",
			[]string{"domains.csv:3: domain: the same as in domains.csv:2"}},

		{"an opportunity is a customer's that exists", "opportunities.csv", opportunitiesHeader +
			"o1,c9,1000.00,open\n", []string{"opportunities.csv:2: customerId: neither customers.csv nor the table " +
			"has customer c9"}},
		{"an opportunity's value is an amount", "opportunities.csv", opportunitiesHeader +
			"o1,c1,1e3,open\no2,c1,-5,open\no3,c1,1.005,open\n", []string{"opportunities.csv:2: value: an amount is",
			"opportunities.csv:3: value: an amount is", "opportunities.csv:4: value: an amount is"}},
		{"an opportunity is open, won or lost", "opportunities.csv", opportunitiesHeader + "o1,c1,1000.00,closed\n",
			[]string{`opportunities.csv:2: status: must be one of open, won, lost; is "closed"`}},
		{"an opportunity's ID is one", "opportunities.csv", opportunitiesHeader + "o 1,c1,1000.00,open\n",
			[]string{"opportunities.csv:2: opportunityId: an MSX opportunity ID is"}},

		{"eligibility is for an engagement that exists", "eligibility.csv", eligibilityHeader + "other,tpid,1,true,\n",
			[]string{"eligibility.csv:2: engagementId: neither engagements.json nor the table has engagement other"}},
		{"eligibility is of a customer ID", "eligibility.csv", eligibilityHeader + "assessment,email,1,true,\n",
			[]string{"eligibility.csv:2: idType: must be one of"}},
		{"eligibility is true or false", "eligibility.csv", eligibilityHeader + "assessment,tpid,1,,\n",
			[]string{"eligibility.csv:2: eligible: must be true or false"}},
		{"a reason is not too long", "eligibility.csv", eligibilityHeader + "assessment,tpid,1,false," +
			strings.Repeat("x", 501) + "\n", []string{"eligibility.csv:2: reason: must have at most 500 characters"}},
		{"the program says one thing of an ID", "eligibility.csv", eligibilityHeader +
			"assessment,tpid,1,false,\nassessment,tpid,1,true,\n",
			[]string{"eligibility.csv:3: engagementId, idType and idValue: the same as in eligibility.csv:2"}},

		{"a file that might be meant for another is refused", "customer.csv", customersHeader,
			[]string{"customer.csv:1: is none of the files that can be loaded"}},
	}
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			files := sound()
			files[test.file] = test.content
			if test.file == "customers.csv" { // what refers to its rows is not what is tested
				delete(files, "customer-ids.csv")
				delete(files, "opportunities.csv")
			}
			if test.file == "locations.csv" {
				delete(files, "grants.csv")
			}
			expect(t, mistakesOf(t, client, table, folderOf(t, files)), test.want)
		})
	}
	if items := enginetest.Scan(t, client, table); len(items) != 0 {
		t.Errorf("%d items were written", len(items))
	}
}

func TestEveryMistakeOfEngagementsIsReportedWithItsIndex(t *testing.T) {
	client, table := enginetest.NewTable(t)
	type fields = map[string]any
	variable := func(change fields) fields {
		engagement := fields{
			"payType": "variable", "customerIdTypes": []string{"msx-opportunity-id"}, "payout": nil,
			"rates": fields{"perHour": "150.00", "minHours": 10, "maxHours": 40, "maxPayout": "2000.00",
				"maxShareOfOpportunity": "0.15"},
		}
		maps.Copy(engagement, change)
		return engagement
	}
	rates := func(change fields) fields {
		changed := fields{"perHour": "150.00", "minHours": 10, "maxHours": 40, "maxPayout": "2000.00",
			"maxShareOfOpportunity": "0.15"}
		maps.Copy(changed, change)
		return variable(fields{"rates": changed})
	}
	tests := []struct {
		rule   string
		change fields
		want   []string
	}{
		{"a field must be known", fields{"colour": "red"}, []string{"colour: is not a field"}},
		{"a field is written as it is", fields{"ID": "other"}, []string{"ID: is not a field"}},
		{"a field must be there", fields{"name": nil, "endsOn": nil}, []string{"name: is missing",
			"endsOn: is missing"}},
		{"a field is of its type", fields{"name": 5, "consentWindowDays": "30", "exclusive": "yes",
			"customerIdTypes": "domain", "claimLimits": 3},
			[]string{"name: must be a string; is the number 5", "customerIdTypes: must be an array",
				`consentWindowDays: must be a whole number from 1 to 3650; is "30"`,
				`exclusive: must be true or false; is "yes"`,
				"claimLimits: must be an object; is the number 3"}},
		{"an ID is not any text", fields{"id": "a b"}, []string{"id: an ID is"}},
		{"pay is fixed or variable", fields{"payType": "hourly"},
			[]string{`payType: must be one of fixed, variable; is "hourly"`}},
		{"S9: fixed pay takes no opportunity", fields{"customerIdTypes": []string{"domain", "msx-opportunity-id"}},
			[]string{"customerIdTypes: fixed pay takes domain, tenant-id, tpid, azure-subscription-id; not " +
				"msx-opportunity-id"}},
		{"S9: variable pay takes opportunities alone",
			variable(fields{"customerIdTypes": []string{"msx-opportunity-id", "tpid"}}),
			[]string{"customerIdTypes: variable pay takes msx-opportunity-id; not tpid"}},
		{"customers are nominated by something", fields{"customerIdTypes": []string{}},
			[]string{"customerIdTypes: must name at least one type"}},
		{"a type of customer ID is known, and named once", fields{"customerIdTypes": []any{"tpid", "email", 3, "tpid"}},
			[]string{`customerIdTypes.1: must be one of`, `customerIdTypes.2: must be one of`,
				"customerIdTypes.3: tpid is there twice"}},
		{"a date is one", fields{"startsOn": "2026-02-30"}, []string{"startsOn: a date is"}},
		{"D6: the last day is not before the first", fields{"startsOn": "2026-02-02", "endsOn": "2026-02-01"},
			[]string{"endsOn: must not be before startsOn"}},
		{"a window is at least a day", fields{"consentWindowDays": 0, "submissionWindowDays": -1,
			"resubmissionWindowDays": 1.5}, []string{"consentWindowDays: must be a whole number",
			"submissionWindowDays: must be a whole number",
			"resubmissionWindowDays: must be a whole number from 1 to 3650; is the number 1.5"}},
		{"a number is not beyond all bounds", fields{"consentWindowDays": jsonNumber(strings.Repeat("9", 400))},
			[]string{"consentWindowDays: must be a whole number from 1 to 3650"}},
		{"D4: each limit is 1 to 500", fields{"claimLimits": fields{"active": 0, "allowed": 501}},
			[]string{"claimLimits.active: must be a whole number from 1 to 500; is the number 0",
				"claimLimits.allowed: must be a whole number from 1 to 500; is the number 501"}},
		{"D4: no more may be open than are allowed", fields{"claimLimits": fields{"active": 3, "allowed": 2}},
			[]string{"claimLimits.allowed: must not be less than active, which is 3; is 2"}},
		{"limits have no other field", fields{"claimLimits": fields{"active": 1, "allowed": 2, "total": 3}},
			[]string{"claimLimits.total: is not a field"}},
		{"fixed pay has a payout and no rates", fields{"payout": nil, "rates": rates(nil)["rates"]},
			[]string{"payout: is missing, which fixed pay needs", "rates: has no meaning with fixed pay"}},
		{"variable pay has rates and no payout", variable(fields{"payout": "5.00", "rates": nil}),
			[]string{"payout: has no meaning with variable pay", "rates: is missing, which variable pay needs"}},
		{"an amount is a decimal string", fields{"payout": 2000}, []string{"payout: must be a string such as"}},
		{"an amount is in whole cents", fields{"payout": "2000.001"}, []string{"payout: an amount is"}},
		{"hours have bounds in order", rates(fields{"minHours": 50}),
			[]string{"rates.maxHours: must not be less than minHours, which is 50; is 40"}},
		{"a share is at most all", rates(fields{"maxShareOfOpportunity": "1.5"}),
			[]string{"rates.maxShareOfOpportunity: a share is"}},
		{"rates are whole", variable(fields{"rates": fields{"perHour": "1.00"}}), []string{"rates.minHours: is missing",
			"rates.maxHours: is missing", "rates.maxPayout: is missing", "rates.maxShareOfOpportunity: is missing"}},
		{"D9: co-sell upgrades a referral", fields{"referral": nil}, []string{"coSell: needs a referral"}},
		{"a referral has its least deal size", fields{"referral": fields{}, "coSell": nil},
			[]string{"referral.minDealSize: is missing"}},
		{"D30: days before a deadline fall, and stay below the window",
			fields{"reminders": fields{"consentDays": []int{30, 7, 7, 8}, "submissionDays": []int{61}}},
			[]string{"reminders.consentDays.0: must be less than the window of 30 days; is 30",
				"reminders.consentDays.2: must be less than the one before, which is 7; is 7",
				"reminders.consentDays.3: must be less than the one before, which is 7; is 8",
				"reminders.submissionDays.0: must be less than the window of 60 days; is 61"}},
		{"D30: days before a deadline are whole, and at least one",
			fields{"reminders": fields{"consentDays": []any{"7", 1.5, 0, nil, 2}, "submissionDays": 3}},
			[]string{`reminders.consentDays.0: must be a whole number from 1 to 3650; is "7"`,
				"reminders.consentDays.1: must be a whole number from 1 to 3650; is the number 1.5",
				"reminders.consentDays.2: must be a whole number from 1 to 3650; is the number 0",
				"reminders.consentDays.3: must be a whole number from 1 to 3650; is null",
				"reminders.submissionDays: must be an array of days; is the number 3"}},
		{"D30: there are at most five before a deadline",
			fields{"reminders": fields{"consentDays": []int{6, 5, 4, 3, 2, 1}, "daily": true}},
			[]string{"reminders.consentDays: must have at most 5 entries, has 6", "reminders.daily: is not a field"}},
		{"D30: days before a deadline hide nothing", fields{"reminders": fields{
			"consentDays": []any{"7\u0000", "\u202e7"}, "\u202edays": 1}},
			[]string{`reminders.consentDays.0: must be a whole number from 1 to 3650; is "7\x00"`,
				`reminders.consentDays.1: must be a whole number from 1 to 3650; is "\u202e7"`,
				`"reminders.\u202edays": is not a field`}},
		{"D30: days before a deadline are not beyond all bounds",
			fields{"reminders": fields{"submissionDays": []any{jsonNumber(strings.Repeat("9", 400))}}},
			[]string{"reminders.submissionDays.0: must be a whole number from 1 to 3650; is the number " +
				strings.Repeat("9", 60) + "…"}},
		{"every mistake is told, whatever it stands beside", fields{"name": 5, "endsOn": "2020-01-01",
			"customerIdTypes": []any{"tpid", 7, "msx-opportunity-id"}, "referral": 7, "rates": fields{"minHours": 50,
				"maxHours": 40}},
			[]string{"name: must be a string; is the number 5", "customerIdTypes.1: must be one of",
				"rates.perHour: is missing", "rates.maxPayout: is missing", "rates.maxShareOfOpportunity: is missing",
				"referral: must be an object; is the number 7",
				"customerIdTypes: fixed pay takes domain, tenant-id, tpid, azure-subscription-id; not " +
					"msx-opportunity-id",
				"endsOn: must not be before startsOn; is 2020-01-01", "rates.maxHours: must not be less than minHours",
				"rates: has no meaning with fixed pay"}},
		{"text hides nothing", fields{"name": "Re\u0000view", "description": "\u202etxt"},
			[]string{"name: must not contain the character U+0000",
				"description: must not contain the character U+202E"}},
	}
	other := anEngagement(fields{"id": "other"})
	for _, test := range tests {
		t.Run(test.rule, func(t *testing.T) {
			content := "[" + other + ",\n" + anEngagement(test.change) + "]"
			want := []string{}
			for _, line := range test.want {
				want = append(want, "engagements.json:1: "+line)
			}
			expect(t, mistakesOf(t, client, table, folderOf(t, map[string]string{"engagements.json": content})), want)
		})
	}

	files := []struct{ rule, content, want string }{
		{"the file is not empty", "", "engagements.json:0: the file is empty"},
		{"the file is an array", anEngagement(nil), "engagements.json:0: the file must hold an array"},
		{"an element is an object", "[" + other + ", 7]",
			"engagements.json:1: the element: must be an object; is the number 7"},
		{"the file is JSON", "[" + other + ",\n" + other[:len(other)-1] + ",}]",
			"engagements.json:1: the file is not valid JSON in line 2"},
		{"the file does not end early", "[" + other + ",\n{", "engagements.json:1: the file ends too early"},
		{"an element has an end", "[" + other + ", {\"id\": [" + strings.Repeat("1,", 1<<20),
			"engagements.json:1: the row has more than 1048576 bytes"},
		{"nothing follows", "[" + other + "] []", "engagements.json:1: something follows the array"},
		{"an engagement is there once", "[" + other + "," + other + "]",
			"engagements.json:1: id: the same as in engagements.json:0"},
		{"a field is there once", "[" + strings.Replace(other, "{", `{"name":"Twice",`, 1) + "]",
			"engagements.json:0: name: is there twice"},
		{"D30: a list of days is there once",
			"[" + strings.Replace(other, "{", `{"reminders":{"consentDays":[7],"consentDays":[2]},`, 1) + "]",
			"engagements.json:0: reminders.consentDays: is there twice"},
		{"text is UTF-8", "[" + strings.Replace(other, "Look", "L\xffok", 1) + "]",
			"engagements.json:0: the element: is not text in UTF-8"},
		{"nesting has an end", "[" + strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50) + "]",
			"engagements.json:0: the element: is nested too deep"},
	}
	for _, test := range files {
		t.Run(test.rule, func(t *testing.T) {
			folder := folderOf(t, map[string]string{"engagements.json": test.content})
			expect(t, mistakesOf(t, client, table, folder), []string{test.want})
		})
	}
	if items := enginetest.Scan(t, client, table); len(items) != 0 {
		t.Errorf("%d items were written", len(items))
	}
}

// Mistakes of all files come at once, in the order of loading; a row with a mistake is still there for what refers to
// it.
func TestMistakesOfAllFilesAreReportedAtOnce(t *testing.T) {
	client, table := enginetest.NewTable(t)
	files := sound()
	files["engagements.json"] = "[" + anEngagement(map[string]any{"payout": "free"}) + "]"
	files["customers.csv"] = customersHeader + "c1,,US,true\n"
	files["eligibility.csv"] = eligibilityHeader + "assessment,tenant-id," + aTenant + ",perhaps,\n"
	expect(t, mistakesOf(t, client, table, folderOf(t, files)), []string{
		"engagements.json:0: payout: an amount is", "customers.csv:2: name: must not be blank",
		"eligibility.csv:2: eligible: must be",
	})
}

// What refers to a file that could not be read through is not a mistake of its own.
func TestAFileThatCannotBeReadBringsNoMistakesElsewhere(t *testing.T) {
	client, table := enginetest.NewTable(t)
	files := sound()
	files["engagements.json"] = "[" + anEngagement(nil)
	files["customers.csv"] = "id,name\nc1,One\n"
	got := mistakesOf(t, client, table, folderOf(t, files))
	for _, mistake := range got {
		if !strings.HasPrefix(mistake, "engagements.json:1: ") && !strings.HasPrefix(mistake, "customers.csv:1: ") {
			t.Errorf("%s is not a mistake", mistake)
		}
	}
	if len(got) < 2 {
		t.Errorf("got %q", got)
	}
}

// Spreadsheets and systems write the same table in many ways.
func TestFilesAreReadHoweverTheyAreWritten(t *testing.T) {
	client, table := enginetest.NewTable(t)
	files := sound()
	mustRun(t, client, table, folderOf(t, files), importer.Options{})
	want := enginetest.Scan(t, client, table)
	const mark = "\ufeff"
	variants := map[string]map[string]string{
		"with byte order marks": {"customers.csv": mark + files["customers.csv"], "engagements.json": mark +
			files["engagements.json"]},
		"with CRLF":              {"customers.csv": strings.ReplaceAll(files["customers.csv"], "\n", "\r\n")},
		"without a last newline": {"customers.csv": strings.TrimSuffix(files["customers.csv"], "\n")},
		"in quotes": {"customers.csv": mark + `"customerId","name","country","managed"` + "\n" +
			`"c1","Customer One","US","true"` + "\n"},
		"in other columns": {"customers.csv": "managed,name,customerId,country\ntrue,Customer One,c1,US\n"},
		"with spaces":      {"customers.csv": "customerId, name, country, managed\nc1, Customer One , US,\ttrue\n"},
		"by a spreadsheet": {"customers.csv": customersHeader + "c1,Customer One,US,TRUE\n"},
		"in capitals": {"customer-ids.csv": customerIDsHeader + "c1,tenant-id," + strings.ToUpper(aTenant) + "\n",
			"domains.csv": domainsHeader + "ONE.example," + aTenant + "\n"},
		"without domains": {"locations.csv": domainsColumn + "p1,Partner One,l1,Location One,US,true,assessment,\n"},
		"without reminders": {"engagements.json": "[" + strings.Replace(anEngagement(nil), "{", `{"reminders":null,`,
			1) + "]"},
		"with whole decimals": {"engagements.json": "[" + strings.Replace(anEngagement(nil), ":30,", ":3.0e1,", 1) +
			"]"},
		"without revoked":       {"grants.csv": "partnerId,userId,locationId,role\np1,u1,l1,incentives-admin\n"},
		"with revoked left out": {"grants.csv": grantsHeader + "p1,u1,l1,incentives-admin\n"},
	}
	for name, changed := range variants {
		t.Run(name, func(t *testing.T) {
			client, table := enginetest.NewTable(t)
			variant := sound()
			maps.Copy(variant, changed)
			mustRun(t, client, table, folderOf(t, variant), importer.Options{})
			if got := enginetest.Scan(t, client, table); fmt.Sprint(keysOf(got)) != fmt.Sprint(keysOf(want)) ||
				!equalItems(got, want) {
				t.Errorf("the table has\n%v\nwant\n%v", got, want)
			}
		})
	}
}
