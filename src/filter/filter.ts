/**
 * A checked filter expression: plain data, so that it can be sent to a worker, compiled to SQL (store/sql) and
 * evaluated in process, with the same meaning.
 */
