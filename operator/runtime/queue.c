/* SPDX-License-Identifier: Apache-2.0 */
/* The work queue: one item per key, in at most one of two heaps (ready, waiting for its time) or out with a worker.
 * Law: an item is ready, waiting or out; what is asked of a key while it is out is kept in the item and done when the
 * worker gives it back, so that no key has two workers and no wish is lost. */
#include "operator/runtime/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/alloc.h"
#include "lib/base/clock.h"
#include "lib/base/hashmap.h"
#include "lib/base/random.h"
#include "operator/runtime/heap.h"
#include "operator/runtime/queue_metrics.h"
#include "operator/runtime/thread.h"

/* Takers look at the clock at least this often: a suspended machine stops the clock they sleep on. */
enum { SLEEP_MAXIMUM_MS = 10000 };

typedef enum ItemState { ITEM_IDLE, ITEM_READY, ITEM_WAITING, ITEM_OUT } ItemState;

typedef struct QueueItem {
        HeapNode node; /* first: the heaps order items through it */
        ItemState state;
        bool again;   /* wanted while out; priority and due below are the wish then */
        bool counted; /* among the depth gauge, at counted_priority */
        int counted_priority;
        int priority;
        int64_t due;       /* when it becomes ready */
        int64_t score;     /* READY: higher leaves first */
        uint64_t sequence; /* then lower */
        unsigned failures;
        int64_t ready_ns, taken_ns; /* for the metrics */
        char key[];
} QueueItem;

struct Queue {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        int64_t (*clock_ms)(void);
        Hashmap items;
        Heap ready, waiting;
        uint64_t sequence;
        bool stopped;
        QueueMetrics metrics;
};

static bool ready_before(const HeapNode *a, const HeapNode *b) {
        const QueueItem *left = (const QueueItem *)a, *right = (const QueueItem *)b;

        if (left->score != right->score)
                return left->score > right->score;
        return left->sequence < right->sequence;
}

static bool waiting_before(const HeapNode *a, const HeapNode *b) {
        const QueueItem *left = (const QueueItem *)a, *right = (const QueueItem *)b;

        if (left->due != right->due)
                return left->due < right->due;
        return left->sequence < right->sequence;
}

static void update_running(Metrics *metrics, void *context) {
        Queue *queue = context;
        const QueueItem *item;
        int64_t now = clock_now_ns(), sum = 0, longest = 0;
        size_t at = 0;

        (void)metrics;
        pthread_mutex_lock(&queue->lock);
        while ((item = hashmap_next(&queue->items, &at))) {
                if (item->state != ITEM_OUT)
                        continue;
                sum += now - item->taken_ns;
                if (now - item->taken_ns > longest)
                        longest = now - item->taken_ns;
        }
        queue_metrics_running(&queue->metrics, sum, longest);
        pthread_mutex_unlock(&queue->lock);
}

Queue *queue_new(const char *name, int64_t (*clock_ms)(void), Metrics *metrics) {
        Queue *queue = alloc_zero(sizeof(*queue));

        queue->clock_ms = clock_ms;
        queue->ready.before = ready_before;
        queue->waiting.before = waiting_before;
        pthread_mutex_init(&queue->lock, NULL);
        thread_condition(&queue->changed);
        queue_metrics_start(&queue->metrics, name, metrics);
        if (metrics)
                metrics_add_hook(metrics, update_running, queue);
        return queue;
}

void queue_free(Queue *queue) {
        QueueItem *item;
        size_t at = 0;

        if (!queue)
                return;
        while ((item = hashmap_next(&queue->items, &at)))
                free(item);
        hashmap_done(&queue->items);
        heap_done(&queue->ready);
        heap_done(&queue->waiting);
        pthread_cond_destroy(&queue->changed);
        pthread_mutex_destroy(&queue->lock);
        free(queue);
}

void queue_stop(Queue *queue) {
        pthread_mutex_lock(&queue->lock);
        queue->stopped = true;
        pthread_cond_broadcast(&queue->changed);
        pthread_mutex_unlock(&queue->lock);
}

/* Makes the depth gauge agree with the item. An item that is out and wanted again counts, as in client-go. */
static void count_depth(Queue *queue, QueueItem *item, int64_t now) {
        bool counts = item->state == ITEM_READY || (item->state == ITEM_OUT && item->again && item->due <= now);

        if (counts && !item->counted)
                item->ready_ns = clock_now_ns();
        if (item->counted && (!counts || item->counted_priority != item->priority)) {
                queue_metrics_depth(&queue->metrics, item->counted_priority, -1);
                item->counted = false;
        }
        if (counts && !item->counted) {
                queue_metrics_depth(&queue->metrics, item->priority, 1);
                item->counted = true;
                item->counted_priority = item->priority;
        }
}

/* Ageing without ever sorting again: one step of priority is worth QUEUE_AGEING_MS of waiting, so the order of two
 * ready items is the same at every moment. */
static int64_t score_of(const QueueItem *item, int64_t now) {
        return (int64_t)item->priority * QUEUE_AGEING_MS - now;
}

/* Puts an item that is in no heap where its due time says. */
static void place(Queue *queue, QueueItem *item, int64_t now) {
        item->sequence = ++queue->sequence;
        if (item->due <= now) {
                item->state = ITEM_READY;
                item->score = score_of(item, now);
                heap_add(&queue->ready, &item->node);
        } else {
                item->state = ITEM_WAITING;
                heap_add(&queue->waiting, &item->node);
        }
        count_depth(queue, item, now);
}

static QueueItem *item_of(Queue *queue, const char *key) {
        size_t size = strlen(key) + 1;
        QueueItem *item = hashmap_get(&queue->items, key);

        if (item)
                return item;
        item = alloc_zero(sizeof(*item) + size);
        memcpy(item->key, key, size);
        (void)hashmap_put(&queue->items, item->key, item);
        return item;
}

static void drop_idle(Queue *queue, QueueItem *item) {
        if (item->state != ITEM_IDLE || item->failures > 0)
                return;
        (void)hashmap_remove(&queue->items, item->key);
        free(item);
}

static void raise_ready(Queue *queue, QueueItem *item, int priority, int64_t now) {
        int64_t score;

        if (priority <= item->priority)
                return;
        item->priority = priority;
        /* The tail of the new level, unless its age had already brought it further. */
        score = score_of(item, now);
        if (score > item->score) {
                item->score = score;
                item->sequence = ++queue->sequence;
                heap_moved(&queue->ready, &item->node);
        }
        count_depth(queue, item, now);
}

static void merge_wish(QueueItem *item, int priority, int64_t due) {
        if (priority > item->priority)
                item->priority = priority;
        if (due < item->due)
                item->due = due;
}

static void add_locked(Queue *queue, QueueItem *item, int priority, int64_t delay_ms) {
        int64_t now = queue->clock_ms();
        int64_t due = delay_ms > 0 ? now + delay_ms : now;

        if (delay_ms > 0)
                queue_metrics_retried(&queue->metrics);
        if (item->state == ITEM_READY) {
                raise_ready(queue, item, priority, now);
                return;
        }
        if (item->state == ITEM_WAITING) {
                heap_remove(&queue->waiting, &item->node);
                merge_wish(item, priority, due);
                place(queue, item, now);
        } else if (item->state == ITEM_OUT && item->again) {
                merge_wish(item, priority, due);
                count_depth(queue, item, now);
        } else {
                queue_metrics_added(&queue->metrics);
                item->priority = priority;
                item->due = due;
                item->again = item->state == ITEM_OUT;
                if (item->again)
                        count_depth(queue, item, now);
                else
                        place(queue, item, now);
        }
        pthread_cond_signal(&queue->changed);
}

void queue_add(Queue *queue, const char *key, int priority, int64_t delay_ms) {
        pthread_mutex_lock(&queue->lock);
        add_locked(queue, item_of(queue, key), priority, delay_ms);
        pthread_mutex_unlock(&queue->lock);
}

static int64_t add_backing_off(Queue *queue, const char *key, int priority, int64_t base_ms, int64_t cap_ms) {
        QueueItem *item;
        int64_t delay = base_ms;

        pthread_mutex_lock(&queue->lock);
        item = item_of(queue, key);
        for (unsigned i = 0; i < item->failures && delay < cap_ms; i++)
                delay *= 2;
        if (delay > cap_ms)
                delay = cap_ms;
        delay = random_jitter(delay, 0.5);
        item->failures++;
        add_locked(queue, item, priority, delay);
        pthread_mutex_unlock(&queue->lock);
        return delay;
}

int64_t queue_add_failed(Queue *queue, const char *key, int priority) {
        return add_backing_off(queue, key, priority, QUEUE_BACKOFF_BASE_MS, QUEUE_BACKOFF_CAP_MS);
}

int64_t queue_add_slow(Queue *queue, const char *key, int priority) {
        return add_backing_off(queue, key, priority, QUEUE_SLOW_BASE_MS, QUEUE_SLOW_CAP_MS);
}

void queue_forget(Queue *queue, const char *key) {
        QueueItem *item;

        pthread_mutex_lock(&queue->lock);
        item = hashmap_get(&queue->items, key);
        if (item) {
                item->failures = 0;
                drop_idle(queue, item);
        }
        pthread_mutex_unlock(&queue->lock);
}

/* Moves what is due to the ready heap. */
static void promote(Queue *queue, int64_t now) {
        QueueItem *item;

        while ((item = (QueueItem *)heap_top(&queue->waiting)) && item->due <= now) {
                heap_remove(&queue->waiting, &item->node);
                place(queue, item, now);
        }
}

static char *take_ready(Queue *queue, int64_t now, int *ret_priority) {
        QueueItem *item;

        promote(queue, now);
        item = (QueueItem *)heap_top(&queue->ready);
        if (!item)
                return NULL;
        heap_remove(&queue->ready, &item->node);
        item->state = ITEM_OUT;
        item->again = false;
        item->taken_ns = clock_now_ns();
        queue_metrics_taken(&queue->metrics, item->taken_ns - item->ready_ns);
        count_depth(queue, item, now);
        if (ret_priority)
                *ret_priority = item->priority;
        /* The signal that woke this taker may have been meant for what comes next. */
        if (queue->ready.size > 0 || queue->waiting.size > 0)
                pthread_cond_signal(&queue->changed);
        return item->key;
}

/* Sleeps until something changed or the first waiting item is due. */
static void wait_changed(Queue *queue, int64_t now) {
        const QueueItem *next = (const QueueItem *)heap_top(&queue->waiting);
        int64_t delay_ms = next && next->due - now < SLEEP_MAXIMUM_MS ? next->due - now : SLEEP_MAXIMUM_MS;

        if (next)
                thread_sleep(&queue->changed, &queue->lock, delay_ms);
        else
                pthread_cond_wait(&queue->changed, &queue->lock);
}

char *queue_take(Queue *queue, int *ret_priority) {
        char *key = NULL;

        pthread_mutex_lock(&queue->lock);
        while (!queue->stopped) {
                int64_t now = queue->clock_ms();

                key = take_ready(queue, now, ret_priority);
                if (key)
                        break;
                wait_changed(queue, now);
        }
        pthread_mutex_unlock(&queue->lock);
        return key;
}

char *queue_try_take(Queue *queue, int *ret_priority) {
        char *key = NULL;

        pthread_mutex_lock(&queue->lock);
        if (!queue->stopped)
                key = take_ready(queue, queue->clock_ms(), ret_priority);
        pthread_mutex_unlock(&queue->lock);
        return key;
}

void queue_done(Queue *queue, char *key) {
        QueueItem *item;

        pthread_mutex_lock(&queue->lock);
        item = hashmap_get(&queue->items, key);
        assert(item && item->key == key && item->state == ITEM_OUT);
        queue_metrics_done(&queue->metrics, clock_now_ns() - item->taken_ns);
        if (item->again) {
                item->again = false;
                place(queue, item, queue->clock_ms());
                pthread_cond_signal(&queue->changed);
        } else {
                item->state = ITEM_IDLE;
                drop_idle(queue, item);
        }
        pthread_mutex_unlock(&queue->lock);
}

size_t queue_size(Queue *queue) {
        const QueueItem *item;
        size_t at = 0, size = 0;

        pthread_mutex_lock(&queue->lock);
        while ((item = hashmap_next(&queue->items, &at)))
                size += item->state == ITEM_READY || item->state == ITEM_WAITING || item->again;
        pthread_mutex_unlock(&queue->lock);
        return size;
}
