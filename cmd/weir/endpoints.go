package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"weir/gateway/admin"
)

const endpointsUsage = `weir endpoints lists the backends of the running weir, or changes one: ENDPOINT is its name or its id from the list.

  weir endpoints                     list them
  weir endpoints drain ENDPOINT      give it no new sessions
  weir endpoints enable ENDPOINT     undo that
  weir endpoints weight ENDPOINT 5   give it another weight, from 1 to 1000; 0: its own again

Changes outlast reloads and upgrades, but not a restart.

`

// endpointsTimeout is for a list of thousands.
const endpointsTimeout = 10 * time.Second

func endpoints(args []string, p program) int {
	to, exit := p.admin("endpoints", endpointsUsage, args, 3)
	if to == nil {
		return exit
	}
	var call string
	switch args = to.args; {
	case len(args) == 0:
	case len(args) == 2 && (args[0] == "drain" || args[0] == "enable"):
		call = "/" + args[0]
	case len(args) == 3 && args[0] == "weight":
		call = "/weight?n=" + url.QueryEscape(args[2])
	default:
		return p.misused(fmt.Errorf("%q makes no sense: write drain ENDPOINT, enable ENDPOINT or weight ENDPOINT N", strings.Join(args, " ")))
	}
	list, err := askEndpoints(to, http.MethodGet, "/endpoints")
	if err == nil && call != "" {
		list, err = changeEndpoint(to, list, args[1], call)
	}
	if err != nil {
		return p.failed(fmt.Errorf("endpoints: %w", err))
	}
	writeEndpoints(p.stdout, list)
	return exitOK
}

func askEndpoints(to *recipient, method, path string) (list []admin.Endpoint, err error) {
	body, err := askAdmin(to.addr, to.token, method, path, endpointsTimeout)
	if err == nil {
		err = json.Unmarshal(body, &list)
	}
	return list, err
}

// changeEndpoint looks the id up, as a name makes no path.
func changeEndpoint(to *recipient, list []admin.Endpoint, which, call string) ([]admin.Endpoint, error) {
	for _, e := range list {
		if e.ID != "" && (e.ID == which || e.Endpoint == which) {
			return askEndpoints(to, http.MethodPost, "/endpoints/"+e.ID+call)
		}
	}
	return nil, fmt.Errorf("%q is not the name or id of an endpoint; weir endpoints lists them", which)
}

func writeEndpoints(to io.Writer, list []admin.Endpoint) {
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ENDPOINT\tID\tROUTE\tSTATE\tSESSIONS\tWEIGHT\tREASON")
	for _, e := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%s\n", e.Endpoint, e.ID, e.Route, e.State, e.Sessions, e.Weight, e.Reason)
	}
	_ = t.Flush()
}
