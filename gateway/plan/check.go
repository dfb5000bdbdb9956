package plan

import (
	"errors"
	"fmt"

	"weir/gateway/certs"
	"weir/gateway/config"
)

// CheckFiles opens all files that cfg names, as New would: certificates with their keys, authorities, addresses,
// credentials. Its error is all that a start would refuse, its warnings what a start would tell of. Nothing is begun.
func CheckFiles(cfg *config.Config) (warnings []string, err error) {
	var wrong []error
	told := map[string]bool{}
	fails := func(err error) { // once, though many routes may share a file
		if err != nil && !told[err.Error()] {
			told[err.Error()] = true
			wrong = append(wrong, err)
		}
	}
	if len(cfg.TLSListen) > 0 {
		o, err := certOptions(cfg, func(what string, err error) { warnings = append(warnings, fmt.Sprintf("%s: %v", what, err)) })
		if err == nil {
			err = certs.Check(o)
		}
		fails(err)
	}
	for _, r := range cfg.Routes {
		_, err := tlsTermsOf(r.Config).open(nil)
		fails(err)
		fails(checkGate(r.Config, cfg.Routes))
	}
	return warnings, errors.Join(wrong...)
}

func checkGate(cfg *config.Config, all []config.Route) error {
	t, err := termsOf(cfg, all)
	if err != nil {
		return err
	}
	d := &Gate{terms: t}
	if err := d.open(nil, nil); err != nil {
		return err
	}
	if d.Auth != nil {
		d.Auth.Close()
	}
	return nil
}
