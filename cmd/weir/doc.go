// Command weir is the gateway: it reads the configuration, runs a gateway with
// it and passes signals on.
//
//	weir [flags]              run; SIGTERM or SIGINT drains, a second one stops at once; SIGHUP reads the
//	                          configuration and the files that it names again
//	weir check [flags] [URL]  check the configuration, say what would run and which route takes the URL
//	weir try URL [flags]      send a message through a gateway
//	weir healthcheck          ask the running gateway whether it takes new sessions
//	weir endpoints            list its backends, drain one, or give it another weight
//	weir upgrade              have it replaced by the program on disk
//	weir version
//
// The exit status is 0 after a drain or a success, 1 after a failure, 2 for a
// command line that makes no sense.
package main
