package plan

import (
	"fmt"
	"strings"

	"weir/gateway/config"
)

// Address is a listener of a configuration.
type Address struct {
	Name   string // by which it is known again in the next plan: what is bound, but for those that take any port
	Text   string
	Secure bool // clients speak TLS
}

// Knob is the one that has the address.
func (w *Address) Knob() string {
	if w.Secure {
		return "tls-listen"
	}
	return "listen"
}

// Addresses are the listeners of the plan, in the order of the configuration.
func (p *Plan) Addresses() (all []Address) {
	for i, list := range [][]string{p.Config.Listen, p.Config.TLSListen} {
		for j, text := range list {
			w := Address{config.Bound(text), text, i == 1}
			if strings.HasSuffix(w.Name, ":0") { // which may be asked for several times
				w.Name = fmt.Sprintf("%s %d %d", text, i, j)
			}
			all = append(all, w)
		}
	}
	return all
}
