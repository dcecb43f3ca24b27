package costs

import "math"

// workload is what one controller's pods cost and used over a window, as far as it belongs to one line of the report.
type workload struct {
	Money
	hours                      float64 // of pods
	cpuRequest, cpu            float64 // CPUs times hours: requested, and charged
	memoryRequest, memory, pvs float64 // GiB times hours
	rows                       int
}

// workloadKey names a workload and its line.
type workloadKey struct{ line, name string }

// workloads sums up rows by workload. All is times k, to make windows of different length comparable.
func workloads(spending *Spending, group func(Row) string, k float64) map[workloadKey]workload {
	sums := map[workloadKey]workload{}
	for _, r := range spending.Rows {
		key := workloadKey{group(r), r.workload()}
		w := sums[key]
		w.Money = w.Money.plus(r.Money.times(k))
		w.hours += r.Hours * k
		w.cpuRequest += r.CPURequestHours * k
		w.cpu += r.CPUHours * k
		w.memoryRequest += r.MemoryRequestHours * k
		w.memory += r.MemoryHours * k
		w.pvs += r.StorageHours * k
		w.rows++
		sums[key] = w
	}
	return sums
}

// quantity is money, and what it was paid for.
type quantity struct {
	money, hours float64 // hours: times CPUs or GiB
	rows         int     // that were summed up, each rounded by OpenCost
}

func (q quantity) plus(o quantity) quantity {
	return quantity{q.money + o.money, q.hours + o.hours, q.rows + o.rows}
}

func (q quantity) price() float64 { return ratio(q.money, q.hours) }

// noise is how far the price may be off by rounding, relative to it.
func (q quantity) noise() float64 { return 2 * ratio(float64(q.rows)*rounding, q.money) }

// leastTelling is the noise above which a price is not told from the quantity itself.
const leastTelling = 0.05

// prices are a resource's before and after, with its own where they tell, else the mean ones: nodes differ in price.
// Prices that differ by no more than rounding may have made are the same.
func prices(was, is quantity, mean [2]float64) [2]float64 {
	if was.money == 0 || is.money == 0 || was.hours == 0 || is.hours == 0 ||
		max(was.noise(), is.noise()) > leastTelling {
		return mean
	}
	return steadied(was, is)
}

func steadied(was, is quantity) [2]float64 {
	before, after := was.price(), is.price()
	if math.Abs(after-before) <= (was.noise()+is.noise())*before {
		both := was.plus(is).price()
		return [2]float64{both, both}
	}
	return [2]float64{before, after}
}

// Resources that have a price and a quantity.
const (
	cpu = iota
	memory
	storage
	resources
)

func (w workload) of(resource int) quantity {
	return quantity{
		[]float64{w.CPU, w.Memory, w.Storage}[resource], []float64{w.cpu, w.memory, w.pvs}[resource], w.rows,
	}
}

// meanPrices are those of all workloads before and after, by resource. Where one window has none, the other's serve.
func meanPrices(before, after map[workloadKey]workload) (means [resources][2]float64) {
	for resource := range means {
		var was, is quantity
		for _, w := range before {
			was = was.plus(w.of(resource))
		}
		for _, w := range after {
			is = is.plus(w.of(resource))
		}
		switch {
		case was.hours == 0:
			was = is
		case is.hours == 0:
			is = was
		}
		means[resource] = steadied(was, is)
	}
	return means
}

// Places of the factors of what CPU or memory costs.
const (
	pods    = iota // pods times hours
	request        // per pod
	above          // per pod, usage above the request
	unit           // price
)

// factors are what makes up the money of a resource.
func factors(charged, hours, requested, price float64) []float64 {
	if hours <= 0 {
		return []float64{0, 0, 0, price}
	}
	requested = min(requested, charged)
	return []float64{hours, requested / hours, (charged - requested) / hours, price}
}

func value(f []float64) float64 { return f[pods] * (f[request] + f[above]) * f[unit] }
