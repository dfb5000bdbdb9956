package gateway

import (
	"fmt"
	"strings"
)

// wanted is a listener of a configuration.
type address struct {
	name   string // by which it is known again in the next plan: its address, but for those that take any port
	text   string
	secure bool // clients speak TLS
}

// listensOn are the listeners of the plan, in the order of the configuration.
func (p *plan) addresses() (all []address) {
	for i, list := range [][]string{p.config.Listen, p.config.TLSListen} {
		for j, text := range list {
			w := address{text, text, i == 1}
			if strings.HasSuffix(text, ":0") { // which may be asked for several times
				w.name = fmt.Sprintf("%s %d %d", text, i, j)
			}
			all = append(all, w)
		}
	}
	return all
}
