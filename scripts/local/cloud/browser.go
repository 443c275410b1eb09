package cloud

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
)

// Browser is the command of a script that drives the test browser. The script's first argument is the folder of the
// browser's packages.
func Browser(ctx context.Context, root, script string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "node", append([]string{script, filepath.Join(root, "infra")}, arguments...)...)
	// As on Lambda, the packaged browser brings its libraries and fonts along, so that it needs none of this machine's.
	command.Env = append(os.Environ(), "AWS_EXECUTION_ENV=AWS_Lambda_nodejs22.x")
	command.Stderr = os.Stderr
	return command
}
