//go:build linux

package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"weir/bench/load"
)

// secondsVar defines a flag that takes seconds, with or without a fraction.
func secondsVar(flags *pflag.FlagSet, to *time.Duration, name string, initial float64, about string) {
	*to = seconds(initial)
	flags.Var((*secondsValue)(to), name, about)
}

type secondsValue time.Duration

func (v *secondsValue) String() string {
	return strconv.FormatFloat(time.Duration(*v).Seconds(), 'f', -1, 64)
}

func (v *secondsValue) Type() string { return "seconds" }

func (v *secondsValue) Set(text string) error {
	const day = 24 * 60 * 60
	s, err := strconv.ParseFloat(text, 64)
	if err != nil || !(s >= 0 && s <= day) {
		return errors.New("not a number of seconds between 0 and a day's")
	}
	*v = secondsValue(seconds(s))
	return nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// rateVar defines a flag that takes how often something happens a second.
func rateVar(flags *pflag.FlagSet, to *float64, name string, initial float64, about string) {
	*to = initial
	flags.Var((*rateValue)(to), name, about)
}

type rateValue float64

func (v *rateValue) String() string { return strconv.FormatFloat(float64(*v), 'f', -1, 64) }

func (v *rateValue) Type() string { return "rate" }

func (v *rateValue) Set(text string) error {
	r, err := strconv.ParseFloat(text, 64)
	if err == nil && r != 0 {
		err = load.CheckRate(r, 1)
	}
	if err != nil {
		return fmt.Errorf("not 0, nor a number a second from %.6f to %d", load.MinRate, int(load.MaxRate))
	}
	*v = rateValue(r)
	return nil
}
