package plan

import (
	"slices"

	"weir/gateway/rate"
)

// NeedsUpkeep tells whether there is anything to read again or to sweep.
func (p *Plan) NeedsUpkeep() bool {
	reads := func(d *Gate) bool { return d.Networks != nil || d.Auth != nil }
	return len(p.tables()) > 0 || slices.ContainsFunc(p.Gates, reads)
}

// LookAtFiles takes the files of gates anew that have changed. What went wrong is told once.
func (p *Plan) LookAtFiles() {
	for _, d := range p.Gates {
		_ = p.env.reread(d, false) // was told
	}
}

// Reread reads what the configuration names again: certificates, keys, authorities, lists of addresses and users; key
// sets are fetched anew. What cannot be read stays as it was, and is told.
func (p *Plan) Reread() (errs []error) {
	if p.Certs != nil {
		errs = append(errs, p.Certs.Reload())
	}
	for _, d := range p.Gates {
		errs = append(errs, p.env.reread(d, true))
		if d.Auth != nil {
			d.Auth.Refetch()
		}
	}
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
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
	all := append(p.env.Failures.Tables(), p.HandshakeRate)
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
