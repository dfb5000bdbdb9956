package plan

import (
	"errors"
	"slices"

	"weir/gateway/rate"
)

// NeedsUpkeep tells whether there is anything to read again or to sweep.
func (p *Plan) NeedsUpkeep() bool {
	return len(p.tables()) > 0 || len(p.gates.networks)+len(p.gates.policies) > 0
}

// LookAtFiles takes the files of gates anew that have changed. What went wrong is told once.
func (p *Plan) LookAtFiles() {
	_ = p.env.reread(&p.gates, false) // was told
}

// Reread reads what the configuration names again: certificates, keys, authorities, lists of addresses and users; key
// sets are fetched anew. What cannot be read stays as it was, and is told.
func (p *Plan) Reread() error {
	var tls error
	if p.Certs != nil {
		tls = p.Certs.Reload()
	}
	for _, who := range p.gates.policies {
		who.Refetch()
	}
	return errors.Join(tls, p.env.reread(&p.gates, true))
}

// Sweep has a part of each table of rates forget whom it need not remember.
func (p *Plan) Sweep() {
	now := rate.Now()
	for _, t := range p.tables() {
		t.Sweep(now)
	}
}

// tables are those of all rates.
func (p *Plan) tables() []*rate.Table {
	all := append(p.env.Failures.Tables(), p.handshakeRate)
	for _, r := range p.Routes {
		if m := r.Meter; m != nil {
			for _, in := range []Shares{m.Messages, m.AllBytes} {
				all = append(all, in.User, in.IP, in.Route)
			}
		}
	}
	return slices.DeleteFunc(all, func(t *rate.Table) bool { return t == nil })
}

// Uncounted is how often a full table had no place for somebody, who passed.
func (p *Plan) Uncounted() (n uint64) {
	for _, t := range p.tables() {
		n += t.Crowded()
	}
	return n
}
