package gateway

import (
	"weir/gateway/config"
	"weir/internal/handover"
)

// An Option is what New may be told besides the configuration.
type Option func(*Gateway)

// Inherit has the gateway go on with what another process opened or made: listening sockets, the admin listener, keys.
func Inherit(in *handover.Inherited) Option {
	return func(g *Gateway) { g.inherited = in }
}

// OnUpgrade is what POST /upgrade calls: it starts this process's successor, and returns once that serves.
func OnUpgrade(do func() (pid int, err error)) Option {
	return func(g *Gateway) { g.onUpgrade = do }
}

// OnDrain is called once, when a drain begins, whatever asked for it.
func OnDrain(do func()) Option {
	return func(g *Gateway) { g.onDrain = do }
}

// OnReload is how the configuration is read again, and who is told of one that has come into force; nil: nobody.
func OnReload(load func() (*config.Config, error), taken func(*config.Config)) Option {
	return func(g *Gateway) { g.load, g.taken = load, taken }
}
