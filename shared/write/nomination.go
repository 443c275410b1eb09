package write

import (
	"context"
	"net/http"
	"strconv"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

// Nomination is a request to nominate a customer (S7, S19), as its body says it.
type Nomination struct {
	mci.Nomination
	locationID    string
	engagementIDs []string
	claimIDs      []mci.ClaimID
}

// ReadNomination reads the fields that adding and claiming share.
func ReadNomination(r *rest.Request, origin mci.Origin) *Nomination {
	n := &Nomination{locationID: rest.ReadLocationID(r.Body), engagementIDs: rest.ReadEngagementIDs(r.Body)}
	n.Origin = origin
	n.FriendlyName = r.Body.Line("friendlyName", mci.MaxName)
	n.Hours = r.Body.OptionalWhole("hours")
	n.MismatchReason = r.Body.OptionalText("mismatchReason", mci.MaxReason)
	n.CustomerContact, n.PartnerContact = rest.ReadContacts(r.Body)
	n.claimIDs = NewClaimIDs(r.Now, r.Caller.PartnerID, len(n.engagementIDs))
	return n
}

// Load reads what the nomination names, and more that the route needs, all in parallel: 1 round trip.
func (n *Nomination) Load(
	ctx context.Context, t *table.Table, r *rest.Request, more ...func(context.Context) error,
) (Loaded, error) {
	var catalogue table.Catalogue
	var isPartners bool
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		catalogue, err = t.Catalogue(groupCtx, n.engagementIDs...)
		return err
	})
	group.Go(func() (err error) {
		n.Location, isPartners, err = t.Location(groupCtx, r.Caller.PartnerID, n.locationID)
		return err
	})
	group.Go(func() (err error) {
		n.EmailDomain, err = t.EmailDomain(groupCtx, n.CustomerContact.Email)
		return err
	})
	for _, load := range more {
		group.Go(func() error { return load(groupCtx) })
	}
	if err := group.Wait(); err != nil {
		return Loaded{}, err
	}
	mistakes := append(rest.CheckLocation(n.locationID, isPartners), n.CheckContacts()...)
	n.Engagements = nil
	for i, id := range n.engagementIDs {
		engagement, found := catalogue[id]
		if !found && id != "" {
			pointer := "/engagementIds/" + strconv.Itoa(i)
			mistakes = append(mistakes, mci.Mistake{Pointer: pointer, Detail: "is not an engagement of the program"})
		}
		n.Engagements = append(n.Engagements, engagement)
	}
	return Loaded{Mistakes: mistakes, Location: n.locationID}, nil
}

// Decide decides on the nomination, and writes all claims or none with the customer as nominated. Per claim 2 units per
// KB of the claim, its event, its private detail and its participation.
func (n *Nomination) Decide(t *table.Table, r *rest.Request, act mci.Act, grants mci.Grants) (Decision, error) {
	changes, nominated, err := n.Nomination.Decide(n.claimIDs, act)
	if err != nil {
		return Decision{}, err
	}
	list := rest.ClaimList{}
	writes := t.PutNominated(n.Standing.Nominated, nominated)
	for _, change := range changes {
		list.Claims = append(list.Claims, r.ViewClaim(change.After, grants))
		writes = append(writes, t.PutBirth(change, n.Standing.Participations[change.After.EngagementID], act.At)...)
	}
	return Decision{Changes: changes, Writes: writes, Response: rest.Response{Status: http.StatusCreated, Body: list}},
		nil
}
