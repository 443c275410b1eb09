package table

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
)

// Directory gives what the directory has on a customer ID; the zero value for nothing. GetItem: 1 round trip, or none for no
// ID; 1 unit.
func (t *Table) Directory(ctx context.Context, id mci.CustomerID) (DirectoryRecord, error) {
	var record DirectoryRecord
	if id.Value == "" {
		return record, nil
	}
	_, err := t.get(ctx, idKey(id), &record)
	return record, err
}

// EmailTenant gives the tenant that an email address's domain leads to, "" for none (S12). Costs as Directory.
func (t *Table) EmailTenant(ctx context.Context, address string) (string, error) {
	if address == "" {
		return "", nil
	}
	record, err := t.Directory(ctx, mci.CustomerID{Type: mci.Domain, Value: mci.EmailDomain(address)})
	return record.Tenant, err
}

// NominatedID is the ID on which eligibility is checked: a domain has become its tenant (S10, D5).
func (r DirectoryRecord) NominatedID() mci.NominatedID {
	if r.Type == mci.Domain {
		return mci.NominatedID{CustomerID: mci.CustomerID{Type: mci.TenantID, Value: r.Tenant}, ByDomain: true}
	}
	return mci.NominatedID{CustomerID: r.CustomerID}
}

// StandingOf gives the standing of the customer whose ID the directory's record is. It refuses an ID that the directory does
// not know (D5), and a domain that leads to no tenant (S10). A domain's record names the customer only by hint: what the
// tenant's own record says decides, and where the hint is stale the standing is read once more. 1 round trip, or 2 then; units
// as Standing, and 1 for a domain.
func (t *Table) StandingOf(ctx context.Context, partnerID string, id mci.CustomerID, record DirectoryRecord) (mci.Standing, error) {
	unknown := mci.Refuse(mci.CustomerNotFound, "The program's directory does not know the "+id.String()+".")
	if id.Type != mci.Domain {
		if record.Customer == "" {
			return mci.Standing{}, unknown
		}
		return t.Standing(ctx, partnerID, record.Customer, []mci.CustomerID{id})
	}
	if record.Tenant == "" {
		return mci.Standing{}, mci.Refuse(mci.TenantNotFound, "No tenant is found for the "+id.String()+": nominate the customer by its tenant ID or its TPID.")
	}
	tenantID := record.NominatedID().CustomerID
	var standing mci.Standing
	var tenant DirectoryRecord
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		tenant, err = t.Directory(groupCtx, tenantID)
		return err
	})
	if record.Customer != "" {
		group.Go(func() (err error) {
			standing, err = t.Standing(groupCtx, partnerID, record.Customer, []mci.CustomerID{tenantID})
			return err
		})
	}
	switch err := group.Wait(); {
	case err != nil:
		return mci.Standing{}, err
	case tenant.Customer == "":
		return mci.Standing{}, unknown
	case tenant.Customer == record.Customer:
		return standing, nil
	}
	return t.Standing(ctx, partnerID, tenant.Customer, []mci.CustomerID{tenantID})
}

// Standing gives a customer's standing for a partner, judged by these IDs. Queries of the customer's partition and of
// each ID's, and a GetItem, in parallel: 1 round trip; 1 unit per 4 KB.
func (t *Table) Standing(ctx context.Context, partnerID, customerID string, ids []mci.CustomerID) (mci.Standing, error) {
	standing := mci.Standing{
		Participations: map[string]mci.Participation{},
		Eligibility:    make(map[mci.CustomerID]map[string]*mci.Eligibility, len(ids)),
	}
	rows := make([][]mci.Eligibility, len(ids))
	var participations []mci.Participation
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		_, err = t.get(ctx, customerKey(customerID), &standing.Customer)
		return err
	})
	group.Go(func() (err error) {
		standing.Nominated, err = t.Nominated(ctx, partnerID, customerID)
		return err
	})
	group.Go(func() error {
		items, _, err := t.query(ctx, within(customerPK(customerID), participation))
		if err != nil {
			return err
		}
		participations, err = decodeAll[mci.Participation](items)
		return err
	})
	for i, id := range ids {
		group.Go(func() error {
			items, _, err := t.query(ctx, within(idPK(id), eligibilityPrefix))
			if err != nil {
				return err
			}
			rows[i], err = decodeAll[mci.Eligibility](items)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return mci.Standing{}, err
	}
	for _, p := range participations {
		standing.Participations[p.EngagementID] = p
	}
	for i, id := range ids {
		standing.Eligibility[id] = make(map[string]*mci.Eligibility, len(rows[i]))
		for _, row := range rows[i] {
			standing.Eligibility[id][row.EngagementID] = &row
		}
	}
	return standing, nil
}

// Nominated gives what the partner has to do with a customer; the zero value for nothing. GetItem: 1 round trip, 1 unit.
func (t *Table) Nominated(ctx context.Context, partnerID, customerID string) (mci.NominatedCustomer, error) {
	var customer mci.NominatedCustomer
	_, err := t.get(ctx, nominatedKey(partnerID, customerID), &customer)
	return customer, err
}

// KnownCustomers gives customers known to the partner, by name, from a position on, where the name begins with prefix.
// Query of the Pages index: 1 round trip; 1 unit per 4 KB of customers looked at.
func (t *Table) KnownCustomers(ctx context.Context, partnerID, prefix, from string, limit int) (Page[mci.NominatedCustomer], error) {
	items, more, err := t.query(ctx, byName(partnerID, knownPages, prefix, from, limit))
	if err != nil {
		return Page[mci.NominatedCustomer]{}, err
	}
	customers, err := decodeAll[mci.NominatedCustomer](items)
	if err != nil {
		return Page[mci.NominatedCustomer]{}, err
	}
	page := Page[mci.NominatedCustomer]{Items: customers}
	for _, customer := range customers {
		page.positions = append(page.positions, position(customer.Customer))
	}
	if more {
		page.Next = page.Position(len(customers) - 1)
	}
	return page, nil
}

// Ask names customers of one partner, some only by ID, whose standing on one engagement a page needs.
type Ask struct {
	PartnerID, EngagementID string
	Customers               []mci.NominatedCustomer // judged by their IDs
	CustomerIDs             []string                // whose nomination is to be read
}

// PageStanding is what a page of customers needs to know beyond its rows.
type PageStanding struct {
	Participations map[string]mci.Participation        // by customer
	Eligibility    map[mci.CustomerID]*mci.Eligibility // by ID
	Nominated      map[string]mci.NominatedCustomer    // by customer
}

// PageStanding gives the standing of a page's customers on its engagement. BatchGetItem in parallel batches of 100: 1
// round trip; 1 unit per customer asked for and 1 per nominated ID.
func (t *Table) PageStanding(ctx context.Context, ask Ask) (PageStanding, error) {
	standing := PageStanding{map[string]mci.Participation{}, map[mci.CustomerID]*mci.Eligibility{}, map[string]mci.NominatedCustomer{}}
	var keys []Key
	for _, customer := range ask.Customers {
		keys = append(keys, participationKey(customer.Customer.ID, ask.EngagementID))
		for _, id := range customer.IDs {
			keys = append(keys, eligibilityKey(id.CustomerID, ask.EngagementID))
		}
	}
	for _, customerID := range ask.CustomerIDs {
		keys = append(keys, nominatedKey(ask.PartnerID, customerID))
	}
	slices.SortFunc(keys, compareKeys)
	items, err := t.getAll(ctx, slices.Compact(keys))
	if err != nil {
		return PageStanding{}, err
	}
	for _, customer := range ask.Customers {
		var p mci.Participation
		if err := decode(items[participationKey(customer.Customer.ID, ask.EngagementID)], &p); err != nil {
			return PageStanding{}, err
		}
		standing.Participations[customer.Customer.ID] = p
		for _, id := range customer.IDs {
			item, found := items[eligibilityKey(id.CustomerID, ask.EngagementID)]
			if !found {
				continue
			}
			row := new(mci.Eligibility)
			if err := decode(item, row); err != nil {
				return PageStanding{}, err
			}
			standing.Eligibility[id.CustomerID] = row
		}
	}
	for _, customerID := range ask.CustomerIDs {
		var customer mci.NominatedCustomer
		if err := decode(items[nominatedKey(ask.PartnerID, customerID)], &customer); err != nil {
			return PageStanding{}, err
		}
		standing.Nominated[customerID] = customer
	}
	return standing, nil
}
