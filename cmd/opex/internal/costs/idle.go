package costs

import "time"

// leastIdle is the step in which OpenCost counts nodes (ETL_RESOLUTION_SECONDS; v1.108.0, pkg/costmodel/cluster.go). Of
// less it tells figures that have nothing to do with the window.
const leastIdle = 5 * time.Minute

// wholeIdle makes good that nodes are counted in steps of leastIdle, and pods in those of the query. Idle is the
// difference: without this it is too low in short windows, or less than nothing.
func (s *Spending) wholeIdle(minutes float64) {
	s.IdleKnown = minutes > 0 && s.Covered.Hours() >= leastIdle.Hours()
	if !s.IdleKnown {
		s.Idle = Money{}
		return
	}
	k := ratio(60*s.Covered.Hours(), minutes)
	if k <= 1 {
		return
	}
	var used Money
	for _, row := range s.Rows {
		used = used.plus(Money{CPU: row.CPU, Memory: row.Memory, Other: row.gpu})
	}
	s.Idle = s.Idle.plus(used).times(k).plus(used.times(-1))
}
