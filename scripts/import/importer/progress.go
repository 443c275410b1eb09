package importer

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// bar shows how far a pass through a file has come: drawn on a terminal, and as a line now and then elsewhere. The zero
// value shows nothing.
type bar struct {
	drawn *progressbar.ProgressBar

	lock  sync.Mutex
	plain io.Writer
	title string
	done  int64
	total int64
	next  time.Time
}

// plainInterval is how long a pass must take for a line about it.
const plainInterval = 5 * time.Second

func newBar(w io.Writer, title string, total int64) *bar {
	b := &bar{title: title, total: max(total, 1), next: time.Now().Add(plainInterval)}
	terminal, isFile := w.(*os.File)
	switch {
	case w == nil:
	case isFile && term.IsTerminal(int(terminal.Fd())):
		b.drawn = progressbar.NewOptions64(b.total,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription(title),
			progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
		)
	default:
		b.plain = w
	}
	return b
}

func (b *bar) add(n int) {
	if b.drawn != nil {
		_ = b.drawn.Add(n) // a bar that cannot be drawn is no reason to stop
	}
	if b.plain == nil {
		return
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	b.done += int64(n)
	if now := time.Now(); now.After(b.next) {
		b.next = now.Add(plainInterval)
		fmt.Fprintf(b.plain, "%s: %d %%\n", b.title, 100*b.done/b.total)
	}
}

// Write counts bytes that pass by.
func (b *bar) Write(bytes []byte) (int, error) {
	b.add(len(bytes))
	return len(bytes), nil
}

func (b *bar) finish() {
	if b.drawn != nil {
		_ = b.drawn.Finish()
	}
}
