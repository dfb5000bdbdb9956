package plan

import (
	"errors"
	"fmt"
	"slices"

	"weir/gateway/auth"
	"weir/gateway/certs"
	"weir/gateway/clientaddr"
	"weir/gateway/config"
	"weir/upstream"
)

// CheckFiles opens all files that cfg names, as New would: certificates with their keys, authorities, addresses,
// credentials. Its error is all that a start would refuse, its warnings what a start would tell of. Nothing is begun.
func CheckFiles(cfg *config.Config) (warnings []string, err error) {
	var wrong problems
	if len(cfg.TLSListen) > 0 {
		o, err := certOptions(cfg)
		if err == nil {
			o.OnReload = func(what string, err error) { warnings = append(warnings, fmt.Sprintf("%s: %v", what, err)) }
			err = certs.Check(o)
		}
		wrong.add(cfg.Blame(err))
	}
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		_, err := tlsTermsOf(r.Config).open(nil)
		wrong.add(r.Blame(err))
		wrong.add(r.Blame(checkGate(r.Config)))
		wrong.add(r.Blame(checkLists(r.Config)))
	}
	return warnings, wrong.err()
}

// checkLists reads the files that list backends, and the kubeconfig if a backend needs it.
func checkLists(cfg *config.Config) error {
	specs, _ := cfg.Backends() // Load has checked them
	if slices.ContainsFunc(specs, inKubernetes) {
		if err := (cluster{cfg.Kubeconfig}).known(); err != nil {
			return err
		}
	}
	if len(cfg.UpstreamFile) == 0 {
		return nil
	}
	g, err := upstream.NewGroup(specs, upstream.Options{Files: cfg.UpstreamFile, Admits: func(s upstream.Spec) error { return admits(cfg, s) }})
	if err == nil {
		g.Close()
	}
	return err
}

func checkGate(cfg *config.Config) error {
	o, err := cfg.Auth()
	if err != nil {
		return err
	}
	var wrong []error
	if from := cfg.Networks(); from != nil {
		_, err := clientaddr.Open(*from)
		wrong = append(wrong, err)
	}
	if o != nil {
		who, err := auth.New(*o)
		if wrong = append(wrong, err); err == nil {
			who.Close()
		}
	}
	return errors.Join(append(wrong, newGate(cfg, nil, nil, nil, false).open())...)
}

// problems are errors, each told once: routes may have a file in common.
type problems struct {
	told map[string]bool
	all  []error
}

func (p *problems) add(err error) {
	for _, err := range config.Problems(err) {
		if !p.told[err.Error()] {
			if p.told == nil {
				p.told = map[string]bool{}
			}
			p.told[err.Error()] = true
			p.all = append(p.all, err)
		}
	}
}

func (p *problems) err() error { return errors.Join(p.all...) }
