package cloud

import (
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// A child is a process that this one started and that must not outlive it.
type child struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once the process is gone
	err  error         // how it went, once done is closed
}

// spawn starts the command in a process group of its own, so that a Ctrl-C in the terminal reaches only the parent,
// which then ends its children in order.
func spawn(cmd *exec.Cmd) (*child, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	dieWithParent(cmd.SysProcAttr)
	startSpawner()
	request := spawnRequest{cmd, make(chan error)}
	spawner.requests <- request
	if err := <-request.answer; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	c := &child{cmd: cmd, done: make(chan struct{})}
	go func() {
		c.err = cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

type spawnRequest struct {
	cmd    *exec.Cmd
	answer chan error
}

// spawner is the one thread that starts all children. The kernel's parent-death signal is sent when the thread that
// started the child ends, not when the process does, so that thread must live as long as the process.
var spawner struct {
	once     sync.Once
	requests chan spawnRequest
}

func startSpawner() {
	spawner.once.Do(func() {
		spawner.requests = make(chan spawnRequest)
		go func() {
			runtime.LockOSThread()
			for request := range spawner.requests {
				request.answer <- request.cmd.Start()
			}
		}()
	})
}

// kill ends the process at once and returns when it is gone. Killing a process twice does nothing.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // fails only when the process is gone already, which is what is wanted
	<-c.done
}

// terminate asks the process to end, and kills it if it has not done so within the given time.
func (c *child) terminate(patience time.Duration) {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // as in kill
	select {
	case <-c.done:
	case <-time.After(patience):
		c.kill()
	}
}

// running says whether the process is still there.
func (c *child) running() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}
