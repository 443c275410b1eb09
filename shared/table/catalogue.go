package table

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"mci.example/customers/shared/mci"
)

// Catalogue is every engagement of the program, by ID.
type Catalogue map[string]mci.Engagement

// Engagements lists them all, by ID.
func (c Catalogue) Engagements() []mci.Engagement {
	all := make([]mci.Engagement, 0, len(c))
	for _, id := range slices.Sorted(maps.Keys(c)) {
		all = append(all, c[id])
	}
	return all
}

// catalogueAge is how old a catalogue may be that a decision is made by: an execution environment reads it anew after
// that. An imported change is so in force everywhere within seconds.
const catalogueAge = 10 * time.Second

type catalogueCache struct {
	sync.Mutex
	read    time.Time
	current Catalogue
}

// Catalogue gives every engagement, at most catalogueAge old, and read anew where it lacks one of those named, which
// may have been imported since. Query of ENGAGEMENTS: 1 round trip per megabyte, or none; 1 unit per 4 KB.
func (t *Table) Catalogue(ctx context.Context, engagementIDs ...string) (Catalogue, error) {
	t.catalogue.Lock()
	current, fresh := t.catalogue.current, time.Since(t.catalogue.read) < catalogueAge
	t.catalogue.Unlock()
	if fresh {
		return t.Including(ctx, current, engagementIDs...)
	}
	return t.FreshCatalogue(ctx)
}

// Including gives the catalogue, read anew where it lacks one of the engagements: none that was just imported is taken
// for one that the program does not have. No round trip, or as Catalogue.
func (t *Table) Including(ctx context.Context, catalogue Catalogue, engagementIDs ...string) (Catalogue, error) {
	for _, id := range engagementIDs {
		if _, found := catalogue[id]; !found {
			return t.FreshCatalogue(ctx)
		}
	}
	return catalogue, nil
}

// FreshCatalogue gives every engagement as it is now.
func (t *Table) FreshCatalogue(ctx context.Context) (Catalogue, error) {
	read := time.Now()
	items, _, err := t.query(ctx, within(engagements, ""))
	if err != nil {
		return nil, err
	}
	all, err := decodeAll[mci.Engagement](items)
	if err != nil {
		return nil, err
	}
	catalogue := make(Catalogue, len(all))
	for _, engagement := range all {
		catalogue[engagement.ID] = engagement
	}
	t.catalogue.Lock()
	t.catalogue.read, t.catalogue.current = read, catalogue
	t.catalogue.Unlock()
	return catalogue, nil
}

// Engagement gives one engagement as it is now, and whether there is one. GetItem: 1 round trip, 1 unit.
func (t *Table) Engagement(ctx context.Context, engagementID string) (mci.Engagement, bool, error) {
	var engagement mci.Engagement
	found, err := t.get(ctx, engagementKey(engagementID), &engagement)
	return engagement, found, err
}

// Locations gives a partner's locations. Query of the partner's LOCATION# items: 1 round trip; 1 unit per 4 KB.
func (t *Table) Locations(ctx context.Context, partnerID string) ([]mci.Location, error) {
	items, _, err := t.query(ctx, within(partnerPK(partnerID), locationPrefix))
	if err != nil {
		return nil, err
	}
	return decodeAll[mci.Location](items)
}

// Location gives one location of the partner, and whether there is one. GetItem: 1 round trip, or none for no ID; 1
// unit.
func (t *Table) Location(ctx context.Context, partnerID, locationID string) (mci.Location, bool, error) {
	var location mci.Location
	if locationID == "" {
		return location, false, nil
	}
	found, err := t.get(ctx, locationKey(partnerID, locationID), &location)
	return location, found, err
}

// Grants gives what a user of the partner was granted; never cached, for a grant taken away must not be used again.
// Query of the partner's GRANT#<user># items: 1 round trip; 1 unit per 4 KB.
func (t *Table) Grants(ctx context.Context, partnerID, userID string) (mci.Grants, error) {
	items, _, err := t.query(ctx, within(partnerPK(partnerID), grantPrefix(userID)))
	if err != nil {
		return nil, err
	}
	return decodeAll[mci.Grant](items)
}
