package importer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"mci.example/customers/shared/mci"
	"mci.example/customers/shared/table"
)

// digest stands for a key, in half the bytes or fewer.
type digest [16]byte

func digestOf(key table.Key) digest {
	sum := sha256.Sum256([]byte(key.PK + "\x00" + key.SK))
	return digest(sum[:])
}

// reference is something that rows refer to.
type reference struct {
	field string
	what  string
	file  string // that would hold it
	key   table.Key
}

// has says whether a row read so far writes the key.
func (l *load) has(key table.Key) bool {
	_, found := l.seen[digestOf(key)]
	return found
}

// remember notes what a row writes. No two rows of a folder may write the same.
func (l *load) remember(at place, change change) {
	key := digestOf(change.key)
	if first, twice := l.seen[key]; twice {
		l.report(at, fmt.Sprintf("%s: the same as in %s:%d", at.file.key, first.file.name, first.line))
		return
	}
	l.seen[key] = at
}

// miss notes that a row refers to what the folder lacks.
func (l *load) miss(missing reference, at place) {
	if _, noted := l.missing[missing]; !noted {
		l.references = append(l.references, missing)
	}
	l.missing[missing] = append(l.missing[missing], at)
}

// resolve looks up in the table what the folder refers to and does not hold, and the customers of the tenants that its
// domains lead to.
func (l *load) resolve(ctx context.Context) error {
	var keys []table.Key
	asked := map[table.Key]bool{}
	ask := func(key table.Key) {
		if !asked[key] {
			asked[key] = true
			keys = append(keys, key)
		}
	}
	for _, missing := range l.references {
		if !l.broken[missing.file] {
			ask(missing.key)
		}
	}
	tenantKey := func(tenant string) table.Key {
		return table.NewDirectoryRecord(mci.CustomerID{Type: mci.TenantID, Value: tenant}, "").Key
	}
	for tenant, customer := range l.tenants {
		if customer == "" && !l.summary.DryRun {
			ask(tenantKey(tenant))
		}
	}
	found, err := l.store.get(ctx, keys)
	if err != nil {
		return errors.Join(l.sorted(), fmt.Errorf("looking up what the files refer to: %w", err))
	}
	for _, missing := range l.references {
		if _, there := found[missing.key]; there || l.broken[missing.file] {
			continue
		}
		for _, at := range l.missing[missing] {
			l.report(at, fmt.Sprintf("%s: neither %s nor the table has %s", missing.field, missing.file, missing.what))
		}
	}
	for tenant, customer := range l.tenants {
		if item, there := found[tenantKey(tenant)]; there && customer == "" {
			if value, isText := item["customerId"].(*types.AttributeValueMemberS); isText {
				l.tenants[tenant] = value.Value
			}
		}
	}
	if len(l.mistakes) > 0 {
		return l.sorted()
	}
	return nil
}

// sorted gives the mistakes in the order of files and lines, or nil if there are none.
func (l *load) sorted() error {
	if len(l.mistakes) == 0 {
		return nil
	}
	order := func(name string) int {
		return slices.IndexFunc(files, func(f file) bool { return f.name == name })
	}
	slices.SortStableFunc(l.mistakes, func(a, b Mistake) int {
		if a.File != b.File {
			return order(a.File) - order(b.File)
		}
		return a.Line - b.Line
	})
	return l.mistakes
}
