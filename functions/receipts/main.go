// Command receipts gives the receipt of a customer's decision, and the keys by which anyone can verify receipts (D28).
package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/platform/clients"
	"mci.example/customers/shared/receipts"
	"mci.example/customers/shared/rest"
	"mci.example/customers/shared/table"
)

func main() {
	environment := platform.Open("receipts")
	keys := platform.Must(receipts.OpenPublicKeys(clients.Config(), environment.Setting(platform.ReceiptKeys)))
	f := function{clients.Table(environment), keys}
	rest.Start(environment, map[string]rest.Handler{
		"GET /v1/claims/{claimId}/receipt": f.receipt,
		"GET /.well-known/jwks.json":       f.publish,
	})
}

type function struct {
	table *table.Table
	keys  *receipts.PublicKeys
}

var noReceipt = mci.Refuse(mci.NotFound, "There is no such claim, or its customer has not decided yet.")

// receipt gives the receipt of a claim's decision to whoever may see the claim. Its claim is read only for sellers, who
// see those alone that are co-sell: 1 round trip.
func (f function) receipt(ctx context.Context, r *rest.Request) (rest.Response, error) {
	if err := r.Valid(); err != nil {
		return rest.Response{}, err
	}
	id, isID := mci.ParseClaimID(r.Path("claimId"))
	seesAll := r.Caller.SeesAll(id)
	if !isID || !seesAll && !r.Caller.Has(mci.FieldSeller) {
		return rest.Response{}, noReceipt
	}
	var receipt string
	var claim mci.Claim
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		receipt, err = f.table.Receipt(ctx, id)
		return err
	})
	if !seesAll {
		group.Go(func() (err error) {
			claim, _, err = f.table.Claim(ctx, id)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return rest.Response{}, err
	}
	if receipt == "" || !seesAll && !claim.IsCoSell() {
		return rest.Response{}, noReceipt
	}
	return rest.OK(struct {
		Receipt string `json:"receipt"`
	}{receipt}), nil
}

// keysAge is how long others may keep the published keys: a new key is known everywhere within minutes.
const keysAge = 5 * time.Minute

// publish gives the keys of all receipts ever signed.
func (f function) publish(ctx context.Context, r *rest.Request) (rest.Response, error) {
	if err := r.Valid(); err != nil {
		return rest.Response{}, err
	}
	keys, err := f.keys.Set(ctx)
	if err != nil {
		return rest.Response{}, err
	}
	return rest.OK(keys).CacheFor(keysAge), nil
}
