package gateway

import (
	"fmt"
	"strings"

	"weir/gateway/config"
)

// wanted is a listener of a configuration.
type wanted struct {
	name   string // by which it is known again in the next plan: what is bound, but for those that take any port
	text   string
	secure bool // clients speak TLS
}

func (w *wanted) knob() string {
	if w.secure {
		return "tls-listen"
	}
	return "listen"
}

// listensOn are the listeners of the plan, in the order of the configuration.
func (p *plan) listensOn() (all []wanted) {
	for i, list := range [][]string{p.cfg.Listen, p.cfg.TLSListen} {
		for j, text := range list {
			w := wanted{config.Bound(text), text, i == 1}
			if strings.HasSuffix(w.name, ":0") { // which may be asked for several times
				w.name = fmt.Sprintf("%s %d %d", text, i, j)
			}
			all = append(all, w)
		}
	}
	return all
}
