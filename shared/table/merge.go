package table

import (
	"slices"
	"strings"
)

// placed is an item of a list with its position.
type placed[T any] struct {
	position string
	item     T
}

// List is one of several lists in the same order, read from the same position on; it may go on.
type List[T any] struct {
	items []placed[T]
	more  bool
	end   string // where it goes on
}

// MergeAs makes a page a list of what its items are merged as.
func MergeAs[S, T any](page Page[S], as func(*S) T) List[T] {
	list := List[T]{more: page.Next != "", end: page.Next}
	for i := range page.Items {
		list.items = append(list.items, placed[T]{page.Position(i), as(&page.Items[i])})
	}
	return list
}

// ListOf makes a list of items in order, by their positions.
func ListOf[T any](items []T, positionOf func(T) string, more bool) List[T] {
	list := List[T]{more: more}
	for _, item := range items {
		list.end = positionOf(item)
		list.items = append(list.items, placed[T]{list.end, item})
	}
	return list
}

// Ascending and Descending are the orders of lists.
var (
	Ascending  = strings.Compare
	Descending = func(a, b string) int { return strings.Compare(b, a) }
)

// Merge gives at most limit items of the lists in the order of their positions, and where the rest begins, "" where
// there is none. What lies behind the end of a list that goes on is left for the next page, for that list may have more
// before it.
func Merge[T any](order func(a, b string) int, limit int, lists ...List[T]) (items []T, next string) {
	return MergeWhere(order, limit, func(T) bool { return true }, lists...)
}

// MergeWhere is Merge of the items that are wanted.
func MergeWhere[T any](order func(a, b string) int, limit int, wanted func(T) bool, lists ...List[T]) (items []T,
	next string) {
	var all []placed[T]
	horizon, cut := "", false
	for _, list := range lists {
		all = append(all, list.items...)
		if list.more {
			if !cut || order(list.end, horizon) < 0 {
				horizon, cut = list.end, true
			}
		}
	}
	slices.SortStableFunc(all, func(a, b placed[T]) int { return order(a.position, b.position) })
	for i, each := range all {
		if cut && order(each.position, horizon) > 0 {
			return items, horizon
		}
		if !wanted(each.item) {
			continue
		}
		items = append(items, each.item)
		if len(items) == limit && i < len(all)-1 {
			return items, each.position
		}
	}
	return items, horizon
}
