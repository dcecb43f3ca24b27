package load

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// formatSample is the generator's line on one request: its number from 0, lateness and latency in microseconds, the
// status or 0, the kind of failure or -, r or w.
func formatSample(sequence int, s Sample) string {
	failed, way := "-", "r"
	if s.Failure != "" {
		failed = s.Failure
	}
	if s.Write {
		way = "w"
	}
	return fmt.Sprintf(
		"%d %d %d %d %s %s", sequence, s.Lateness.Microseconds(), s.Latency.Microseconds(), s.Status, failed, way,
	)
}

// parseSample reads such a line. The sample has no Due.
func parseSample(line string) (sequence int, s Sample, err error) {
	fields := strings.Fields(line)
	if len(fields) != 6 {
		return 0, Sample{}, fmt.Errorf("it has %d fields, want 6", len(fields))
	}
	n, err := numbers(fields[:4], 4)
	if err != nil {
		return 0, Sample{}, err
	}
	s = Sample{
		Lateness: time.Duration(n[1]) * time.Microsecond,
		Latency:  time.Duration(n[2]) * time.Microsecond,
		Status:   int(n[3]),
		Write:    fields[5] == "w",
	}
	if fields[4] != "-" {
		s.Failure = fields[4]
	}
	switch {
	case (s.Status == 0) != (s.Failure != ""), s.Status != 0 && (s.Status < 100 || s.Status > 999):
		return 0, Sample{}, errors.New("want a status of 100 to 999, or 0 and why")
	case s.Failure != "" && !slices.Contains(failures, s.Failure):
		return 0, Sample{}, fmt.Errorf("%q is no kind of failure: want %s", s.Failure, strings.Join(failures, ", "))
	case fields[5] != "r" && fields[5] != "w":
		return 0, Sample{}, errors.New("want r or w at its end")
	}
	return int(n[0]), s, nil
}

// numbers reads so many whole numbers, none of them negative.
func numbers(fields []string, want int) ([]int64, error) {
	if len(fields) != want {
		return nil, fmt.Errorf("%d numbers, want %d", len(fields), want)
	}
	var all []int64
	for _, field := range fields {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%q is no number of 0 or more", field)
		}
		all = append(all, n)
	}
	return all, nil
}

// packed is a Sample in eight bytes, so that millions fit in memory. Its zero value is none.
type packed struct {
	latency  uint32 // in units of 10 microseconds: up to 11 hours
	lateness uint16 // in milliseconds, up to a minute
	fate     uint16 // status, or failedFrom and the number of the failure; and writeBit
}

const (
	writeBit   = 1 << 15
	failedFrom = 1000
	finest     = 10 * time.Microsecond
)

func pack(s Sample) packed {
	p := packed{
		latency:  uint32(min((s.Latency+finest/2)/finest, math.MaxUint32)),
		lateness: uint16(min(s.Lateness/time.Millisecond, math.MaxUint16)),
		fate:     uint16(s.Status),
	}
	if s.Status == 0 {
		p.fate = uint16(failedFrom + slices.Index(failures, s.Failure))
	}
	if s.Write {
		p.fate |= writeBit
	}
	return p
}

// sample has no Due.
func (p packed) sample() Sample {
	s := Sample{
		Latency:  time.Duration(p.latency) * finest,
		Lateness: time.Duration(p.lateness) * time.Millisecond,
		Write:    p.fate&writeBit != 0,
	}
	if fate := int(p.fate &^ writeBit); fate >= failedFrom {
		s.Failure = failures[fate-failedFrom]
	} else {
		s.Status = fate
	}
	return s
}
