// Package measure has what all programs that measure need: they tell how far they are, and where they measured.
package measure

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

var started = time.Now()

// Progress says on standard error what goes on, with the time since the start.
func Progress(text string, values ...any) {
	since := time.Since(started)
	fmt.Fprintf(os.Stderr, "%3d:%02d  %s\n", int(since.Minutes()), int(since.Seconds())%60,
		fmt.Sprintf(text, values...))
}

// Machine is where the figures were measured, and when.
type Machine struct {
	Date      string  `json:"date"`
	Cores     int     `json:"cores"`
	Processor string  `json:"processor"`
	MemoryGB  float64 `json:"memoryGB"`
	System    string  `json:"system"`
	Go        string  `json:"go"`
}

// ThisMachine is the one that this runs on, today.
func ThisMachine() Machine {
	m := Machine{Date: time.Now().UTC().Format(time.DateOnly), Cores: runtime.NumCPU(), System: runtime.GOOS + "/" +
		runtime.GOARCH, Go: runtime.Version()}
	field := func(file, name string) string {
		content, err := os.ReadFile(file)
		if err != nil {
			return ""
		}
		for line := range strings.Lines(string(content)) {
			if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == name {
				return strings.TrimSpace(value)
			}
		}
		return ""
	}
	m.Processor = field("/proc/cpuinfo", "model name")
	var kilobytes float64
	if _, err := fmt.Sscan(field("/proc/meminfo", "MemTotal"), &kilobytes); err == nil {
		m.MemoryGB = float64(int(kilobytes/(1<<20)*10)) / 10
	}
	return m
}

// String is the machine on one line.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores (%s), %.0f GB, %s, %s", m.Date, m.Cores, m.Processor, m.MemoryGB, m.System, m.Go)
}
