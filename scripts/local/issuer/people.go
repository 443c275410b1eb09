package issuer

// People are those of the sample data, with the roles that its grants go with, and the program's own.
var People = []User{
	{"ana@northwind", "northwind", []string{"incentives-admin"}, "Ana"},
	{"ben@northwind", "northwind", []string{"incentives-user"}, "Ben"},
	{"rui@northwind", "northwind", []string{"incentives-user"}, "Rui"},
	{"nora@northwind", "northwind", []string{"referral-admin"}, "Nora"},
	{"mei@fabrikam", "fabrikam", []string{"incentives-admin", "referral-admin"}, "Mei"},
	{"joao@fabrikam", "fabrikam", []string{"incentives-user"}, "João"},
	{"yuki@fabrikam", "fabrikam", []string{"incentives-user"}, "Yuki"},
	{"claire@tailspin", "tailspin", []string{"incentives-admin", "referral-admin"}, "Claire"},
	{"deniz@tailspin", "tailspin", []string{"incentives-user"}, "Deniz"},
	{"program-staff", "", []string{"program-admin"}, "Priya"},
	{"field-seller", "", []string{"field-seller"}, "Felix"},
}
