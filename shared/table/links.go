package table

import "mci.example/customers/shared/mci"

// Link is a consent link of a claim: of the token only the hash is kept, in the key. It is void once the customer's
// address has been corrected (D10).
type Link struct {
	Key
	AddressVersion int   `json:"addressVersion"`
	TimeToLive     int64 `json:"ttl"`
}

// PutLink writes a link by which the claim's customer can answer.
func (t *Table) PutLink(claim mci.Claim, tokenHash string) []Write {
	timeToLive := claim.ConsentDue.Add(linkLife).Unix()
	return []Write{t.put(Link{linkKey(claim.ID, tokenHash), claim.Email.AddressVersion, timeToLive}, "", nil, nil)}
}
