package cloud

import "syscall"

// dieWithParent has the kernel kill the child when this process dies, by whatever means.
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGKILL }
