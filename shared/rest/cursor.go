package rest

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"slices"

	"mci.example/customers/shared/mci"
)

// A cursor is the position at which a list goes on, behind a hash that binds it to its caller and query. It carries no
// authority, so it needs no secret: keys are built from the caller's own partner and query, and a position only moves
// within them. The hash keeps a cursor from being used by mistake where it does not belong.

// hashLength is how many bytes of the hash a cursor holds.
const hashLength = 16

// binding hashes a position with whom and what its cursor serves: the caller and the query, without the cursor itself
// and the page's size.
func (r *Request) binding(position string) []byte {
	parts := []string{position, r.Route.Key(), r.Caller.PartnerID, r.Caller.UserID, mci.Join(r.Caller.Roles)}
	for _, parameters := range []map[string]string{r.path, r.query} {
		for _, name := range slices.Sorted(maps.Keys(parameters)) {
			if name != "cursor" && name != "limit" {
				parts = append(parts, name, parameters[name])
			}
		}
	}
	sum := sha256.New()
	for _, part := range parts {
		of := sha256.Sum256([]byte(part))
		sum.Write(of[:])
	}
	return sum.Sum(nil)[:hashLength]
}

// NextCursor gives the cursor for a position of the request's list, "" for none.
func (r *Request) NextCursor(position string) string {
	if position == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(r.binding(position), position...))
}

// Cursor gives the position of the request's cursor, "" where it has none. A cursor of another caller or query, or that
// was changed, is a mistake.
func (r *Request) Cursor() string {
	cursor := r.Query("cursor")
	if cursor == "" {
		return ""
	}
	content, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil && len(content) > hashLength {
		if position := string(content[hashLength:]); r.NextCursor(position) == cursor {
			return position
		}
	}
	r.Mistake("cursor", "is not a cursor of yours for this query; begin the list anew without it")
	return ""
}
