package cloud

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"
)

// clock is how far ahead of the real time the functions run. It survives a restart.
type clock struct {
	path  string
	mu    sync.Mutex
	ahead time.Duration
}

func openClock(path string) (*clock, error) {
	c := &clock{path: path}
	kept, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the clock: %w", err)
	}
	if c.ahead, err = time.ParseDuration(strings.TrimSpace(string(kept))); err != nil {
		return nil, fmt.Errorf("read the clock from %s: %w", path, err)
	}
	return c, nil
}

func (c *clock) set(offset time.Duration) error {
	if offset < 0 {
		return fmt.Errorf("the clock runs ahead, never behind: %s is negative", offset)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := writeFile(c.path, []byte(offset.String())); err != nil {
		return fmt.Errorf("keep the clock: %w", err)
	}
	c.ahead = offset
	return nil
}

func (c *clock) offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead
}

// now is the instant that functions see.
func (c *clock) now() time.Time { return time.Now().Add(c.offset()) }
