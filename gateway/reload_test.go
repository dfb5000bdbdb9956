package gateway_test

import (
	"errors"

	"weir/gateway"
)

// reread reloads, and gives all that could not be read as an error.
func reread(g interface {
	Reload() (gateway.Report, error)
}) error {
	r, err := g.Reload()
	for _, text := range r.Warnings {
		err = errors.Join(err, errors.New(text))
	}
	return err
}
