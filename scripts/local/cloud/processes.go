package cloud

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Process is one of those that the one-machine cloud consists of, and what it has used so far.
type Process struct {
	Name   string  `json:"name"` // the function's or the engine's; "gateway" is the one-machine cloud itself
	PID    int     `json:"pid"`
	CPU    float64 `json:"cpuSeconds"`
	Memory int64   `json:"memory"` // resident, in bytes
}

// Processes lists all processes that run now, by name. What they have used is read from /proc: where there is none, it
// is 0.
func (c *Cloud) Processes() []Process {
	all := []Process{{Name: "gateway", PID: os.Getpid()}}
	for name, engine := range c.engines {
		all = append(all, Process{Name: name, PID: engine.cmd.Process.Pid})
	}
	c.lambda.mu.Lock()
	for _, p := range c.lambda.processes {
		all = append(all, Process{Name: p.function.Name, PID: p.child.cmd.Process.Pid})
	}
	c.lambda.mu.Unlock()
	for i := range all {
		all[i].CPU, all[i].Memory = usage(all[i].PID)
	}
	slices.SortFunc(all, func(a, b Process) int {
		if a.Name != b.Name {
			return strings.Compare(a.Name, b.Name)
		}
		return a.PID - b.PID
	})
	return all
}

// Working says whether a function's process has something to do: one of its threads runs, or waits for a processor. It
// is read from /proc: where there is none, it is false.
func (c *Cloud) Working(process string) bool {
	c.lambda.mu.Lock()
	p := c.lambda.processes[process]
	c.lambda.mu.Unlock()
	if p == nil {
		return false
	}
	pattern := fmt.Sprintf("/proc/%d/task/*/stat", p.child.cmd.Process.Pid)
	threads, _ := filepath.Glob(pattern) // the pattern is a good one
	return slices.ContainsFunc(threads, func(path string) bool {
		stat, _ := os.ReadFile(path) // a thread that has ended does nothing
		return strings.Contains(string(stat), ") R ")
	})
}

// ticks is how many times a second Linux counts CPU time for /proc.
const ticks = 100

// usage is the CPU time of a process in seconds, and its resident memory in bytes.
func usage(pid int) (cpu float64, memory int64) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:])) // from the third one on
	if len(fields) < 22 {
		return 0, 0
	}
	number := func(field int) int64 {
		value, _ := strconv.ParseInt(fields[field-3], 10, 64) // 0 where the kernel writes something else
		return value
	}
	return float64(number(14)+number(15)) / ticks, number(24) * int64(os.Getpagesize())
}
