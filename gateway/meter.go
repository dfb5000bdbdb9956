package gateway

import (
	"weir/gateway/config"
	"weir/gateway/rate"
)

// meter says how much the sessions of a route may send. Immutable; the tables are for any goroutine.
type meter struct {
	terms              meterTerms
	messages, allBytes shares
	announce           bool // messages are looked at before they pass
	own                bool // there are rates of one session
	shared             bool // there are rates of messages that other sessions take from as well
	pause              bool // the client is read later, instead
	drop               bool
}

// meterTerms are all that a meter is made of.
type meterTerms struct {
	message, bytes, frames               rate.Limit // of one session
	messageUser, messageIP, messageRoute rate.Limit
	byteUser, byteIP, byteRoute          rate.Limit
	table                                int // entries
	action                               config.RateAction
}

// shares are rates that sessions take from together; nil: there is none.
type shares struct {
	user, ip, route *rate.Table
}

// newMeter makes the meter of a route. What is the same in that of the plan before, which may be nil, is taken over.
func newMeter(cfg *config.Config, before *meter) *meter {
	t := meterTerms{message: cfg.MessageRate, bytes: cfg.ByteRate, frames: cfg.FrameRate,
		messageUser: cfg.MessageRateUser, messageIP: cfg.MessageRateIP, messageRoute: cfg.MessageRateRoute,
		byteUser: cfg.ByteRateUser, byteIP: cfg.ByteRateIP, byteRoute: cfg.ByteRateRoute, table: cfg.RateTable, action: cfg.RateAction}
	if before == nil {
		before = new(meter)
	} else if before.terms == t {
		return before
	}
	m := &meter{terms: t, pause: t.action == config.RatePause, drop: t.action == config.RateDrop}
	table := func(l, was rate.Limit, had *rate.Table, keys, hadKeys int) *rate.Table {
		switch {
		case l.Per == 0:
			return nil
		case had != nil && l == was && keys == hadKeys:
			return had
		}
		return rate.NewTable(l, keys)
	}
	was, messages, bytes := &before.terms, &before.messages, &before.allBytes
	m.messages = shares{
		user:  table(t.messageUser, was.messageUser, messages.user, t.table, was.table),
		ip:    table(t.messageIP, was.messageIP, messages.ip, t.table, was.table),
		route: table(t.messageRoute, was.messageRoute, messages.route, 1, 1),
	}
	m.allBytes = shares{
		user:  table(t.byteUser, was.byteUser, bytes.user, t.table, was.table),
		ip:    table(t.byteIP, was.byteIP, bytes.ip, t.table, was.table),
		route: table(t.byteRoute, was.byteRoute, bytes.route, 1, 1),
	}
	m.shared = m.messages != shares{}
	m.own = t.message.Per > 0 || t.bytes.Per > 0 || t.frames.Per > 0
	m.announce = t.message.Per > 0 || m.shared
	if !m.own && !m.shared && m.allBytes == (shares{}) {
		return nil
	}
	return m
}
