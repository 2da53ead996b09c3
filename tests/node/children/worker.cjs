// A worker that loads the package as CommonJS does, and does as workerData says.

require('./worker-body.cjs').work(require('@skillsmith/sync'))
