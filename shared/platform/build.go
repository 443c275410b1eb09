package platform

// BuildFlags are what every function is compiled with, for Lambda and for the one-machine cloud alike: the same source
// gives the same binary wherever it stands, with no symbols, and without the RPC mode that Lambda's custom runtime
// never uses.
var BuildFlags = []string{"-trimpath", "-buildvcs=false", "-tags=lambda.norpc", "-ldflags=-s -w -buildid="}
