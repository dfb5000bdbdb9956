package main

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/pflag"

	"weir/gateway/config"
)

// healthTimeout is how long a gateway may take to say whether it is well.
const healthTimeout = 5 * time.Second

const healthUsage = `weir healthcheck asks the running weir whether it takes new sessions (GET /readyz at its admin address), for container
images, which have no HTTP client. It exits with 0 if so, with 1 if not. It finds the address as weir does: by --admin, WEIR_ADMIN, or
the file of --config or WEIR_CONFIG.

  weir healthcheck --admin 127.0.0.1:9090
`

func healthcheck(args []string, p program) int {
	addr, err := config.AdminAddr(args, p.environ)
	var usage *config.UsageError
	switch {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(p.stdout, healthUsage)
		return exitOK
	case errors.As(err, &usage):
		return p.misused(err)
	case err == nil && addr == "off":
		err = errors.New("admin is off, so nobody can be asked")
	case err == nil:
		_, err = askAdmin(addr, "", http.MethodGet, "/readyz", healthTimeout)
	}
	if err != nil {
		return p.failed(fmt.Errorf("healthcheck: %w", err))
	}
	fmt.Fprintln(p.stdout, "ready")
	return exitOK
}
