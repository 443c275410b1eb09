package table

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// listOf is what a page of at most so many items gives of the positions that come after one.
func listOf(order func(a, b string) int, positions []string, after string, size int) List[string] {
	var list List[string]
	for _, position := range positions {
		if after != "" && order(position, after) <= 0 {
			continue
		}
		if len(list.items) == size {
			list.more, list.end = true, list.items[size-1].position
			break
		}
		list.items = append(list.items, placed[string]{position, position})
	}
	return list
}

// TestListsMergedPageByPageAreTheWholeInOrder reads several lists page by page until nothing is left.
func TestListsMergedPageByPageAreTheWholeInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		order := Ascending
		if rapid.Bool().Draw(t, "descending") {
			order = Descending
		}
		lists := make([][]string, rapid.IntRange(1, 4).Draw(t, "lists"))
		var whole []string
		for i := range rapid.IntRange(0, 40).Draw(t, "items") {
			position := fmt.Sprintf("%02d", i) // no two have one, as no two items have one key
			at := rapid.IntRange(0, len(lists)-1).Draw(t, "list")
			lists[at], whole = append(lists[at], position), append(whole, position)
		}
		for i := range lists {
			slices.SortFunc(lists[i], order)
		}
		even := rapid.Bool().Draw(t, "even ones alone are wanted")
		wanted := func(position string) bool { return !even || position[1]%2 == 0 }
		whole = slices.DeleteFunc(whole, func(position string) bool { return !wanted(position) })
		slices.SortFunc(whole, order)

		limit, size := rapid.IntRange(1, 5).Draw(t, "limit"), rapid.IntRange(1, 5).Draw(t, "page")
		var read []string
		next := ""
		for pages := 0; pages == 0 || next != ""; pages++ {
			if pages > 100 {
				t.Fatalf("it never ends; read so far: %v", read)
			}
			var loaded []List[string]
			for _, positions := range lists {
				loaded = append(loaded, listOf(order, positions, next, size))
			}
			items, after := MergeWhere(order, limit, wanted, loaded...)
			if len(items) > limit {
				t.Fatalf("a page has %d items, of at most %d", len(items), limit)
			}
			read, next = append(read, items...), after
		}
		if !slices.Equal(read, whole) {
			t.Fatalf("page by page they are %v, and as a whole %v", read, whole)
		}
	})
}
