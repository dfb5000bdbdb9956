package plan

import (
	"weir/gateway/config"
	"weir/gateway/rate"
)

// meter says how much the sessions of a route may send. Immutable; the tables are for any goroutine.
type meter struct {
	Terms              meterTerms
	Messages, AllBytes Shares
	Announce           bool // messages are looked at before they pass
	Own                bool // there are rates of one session
	Shared             bool // there are rates of messages that other sessions take from as well
	Pause              bool // the client is read later, instead
	Drop               bool
}

// meterTerms are all that a meter is made of.
type meterTerms struct {
	Message, Bytes, Frames               rate.Limit // of one session
	messageUser, messageIP, messageRoute rate.Limit
	byteUser, byteIP, byteRoute          rate.Limit
	table                                int // entries
	action                               config.RateAction
}

// Shares are rates that sessions take from together; nil: there is none.
type Shares struct {
	User, IP, Route *rate.Table
}

// newMeter makes the meter of a route. What is the same in that of the plan before, which may be nil, is taken over.
func newMeter(cfg *config.Config, before *meter) *meter {
	t := meterTerms{Message: cfg.MessageRate, Bytes: cfg.ByteRate, Frames: cfg.FrameRate,
		messageUser: cfg.MessageRateUser, messageIP: cfg.MessageRateIP, messageRoute: cfg.MessageRateRoute,
		byteUser: cfg.ByteRateUser, byteIP: cfg.ByteRateIP, byteRoute: cfg.ByteRateRoute, table: cfg.RateTable, action: cfg.RateAction}
	if before == nil {
		before = new(meter)
	} else if before.Terms == t {
		return before
	}
	m := &meter{Terms: t, Pause: t.action == config.RatePause, Drop: t.action == config.RateDrop}
	table := func(l, was rate.Limit, had *rate.Table, keys, hadKeys int) *rate.Table {
		switch {
		case l.Per == 0:
			return nil
		case had != nil && l == was && keys == hadKeys:
			return had
		}
		return rate.NewTable(l, keys)
	}
	was, messages, bytes := &before.Terms, &before.Messages, &before.AllBytes
	m.Messages = Shares{
		User:  table(t.messageUser, was.messageUser, messages.User, t.table, was.table),
		IP:    table(t.messageIP, was.messageIP, messages.IP, t.table, was.table),
		Route: table(t.messageRoute, was.messageRoute, messages.Route, 1, 1),
	}
	m.AllBytes = Shares{
		User:  table(t.byteUser, was.byteUser, bytes.User, t.table, was.table),
		IP:    table(t.byteIP, was.byteIP, bytes.IP, t.table, was.table),
		Route: table(t.byteRoute, was.byteRoute, bytes.Route, 1, 1),
	}
	m.Shared = m.Messages != Shares{}
	m.Own = t.Message.Per > 0 || t.Bytes.Per > 0 || t.Frames.Per > 0
	m.Announce = t.Message.Per > 0 || m.Shared
	if !m.Own && !m.Shared && m.AllBytes == (Shares{}) {
		return nil
	}
	return m
}
