// Command repair upgrades the referrals that the table's stream missed:
//
//	repair [--dry-run]
//
// The stream forgets after a day, and a record that failed all its tries is a dead letter that names a position, not a
// claim. So this looks through every partner-led referral of the table and upgrades those that qualify for co-sell now,
// as the function would have. It may be run at any time, and again.
//
// With TABLE_NAME set it works on that table, by the AWS configuration and credentials of the environment. Without, on
// the one-machine cloud that runs here (DYNAMODB_PORT, or DYNAMODB_ENDPOINT for an engine of one's own).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"mci.example/customers/scripts/operator"
	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/platform"
	"mci.example/customers/shared/table"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dryRun := flag.Bool("dry-run", false, "say what would be upgraded and write nothing")
	flag.Parse()
	if err := run(ctx, *dryRun); err != nil {
		fmt.Fprintln(os.Stderr, "repair:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dryRun bool) error {
	client, name, where, err := operator.Connect(ctx)
	if err != nil {
		return err
	}
	t := table.New(client, name)
	catalogue, err := t.FreshCatalogue(ctx)
	if err != nil {
		return fmt.Errorf("%w; %s", err, where)
	}
	seen, upgraded := 0, 0
	for from := ""; ; {
		page, err := t.Referrals(ctx, mci.PartnerLed, from, 100)
		if err != nil {
			return err
		}
		for _, claim := range page.Items {
			seen++
			done, err := upgrade(ctx, t, claim, catalogue[claim.EngagementID], dryRun)
			if err != nil {
				return fmt.Errorf("upgrading the referral of claim %s: %w", claim.ID, err)
			}
			if done {
				upgraded++
				fmt.Println(claim.ReferralID())
			}
		}
		if from = page.Next; from == "" {
			break
		}
	}
	did := "upgraded"
	if dryRun {
		did = "would be upgraded"
	}
	fmt.Printf("%d partner-led referrals, %d %s to co-sell\n", seen, upgraded, did)
	return nil
}

// upgrade upgrades the claim's referral if it qualifies. What moved on meanwhile is left to whoever moved it, or to
// another run.
func upgrade(ctx context.Context, t *table.Table, claim mci.Claim, engagement mci.Engagement, dryRun bool) (bool,
	error) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	change, err := claim.At(now).Upgrade(platform.Act(now, mci.ActorSystem), engagement)
	var refusal *mci.Refusal
	switch {
	case errors.As(err, &refusal), err == nil && change.Empty():
		return false, nil
	case err != nil:
		return false, err
	}
	if dryRun {
		if !change.ManagedOnly {
			return true, nil
		}
		return t.Managed(ctx, claim.Customer.ID)
	}
	err = t.Commit(ctx, t.UpdateClaim(change))
	if errors.As(err, &refusal) || errors.Is(err, table.ErrLostRace) {
		return false, nil
	}
	return err == nil, err
}
