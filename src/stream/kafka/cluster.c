/* Which cluster it is.
 *
 * A spool belongs to the cluster that has what came before it: records of one connector that are
 * partly in one cluster and partly in another look whole in neither. So the id that the brokers
 * tell is kept beside the position, and while a spool is in force nothing is sent before the id is
 * known to be the same. Without a spool a change of clusters is a person's decision, and told;
 * while the connector runs it is nobody's, and ends it. What is reported after brokers were away
 * counts once they are known to be the same: the other cluster acknowledges, too, what the producer
 * had taken. Run by the stream's thread. */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "stream/kafka/part.h"

/* It is saved with the next position, and so before any spool. */
static void take(leat_kafka *k, const char *id)
{
    snprintf(k->cluster, sizeof k->cluster, "%s", id);
}

/* What is in the spool, or was delivered, is for the one that it was. */
static leat_rc refuse(const leat_kafka *k, const char *id, leat_err *e)
{
    if (k->spool == NULL)
        return leat_fail(
            e, LEAT_CONF, "kafka.other_cluster", k->connector,
            "the brokers came to be those of the cluster %s while this connector "
            "ran; until now it delivered into %s, which has what came before. What was "
            "on its way may be in %s, and does not count as delivered. Set bootstrap.servers to "
            "the brokers of %s; or, to go on in %s, start the connector again, or have it begin "
            "anew with a snapshot by 'leat offsets %s reset'",
            id, k->cluster, id, k->cluster, id, k->connector);
    if (k->compared)
        return leat_fail(
            e, LEAT_CONF, "kafka.other_cluster", k->connector,
            "the brokers came to be those of the cluster %s while this connector ran, and %" PRIu64
            " events of the spool are for %s, which has what came before them. What was on its way "
            "may be in %s, and is in the spool too. Set bootstrap.servers to the brokers of %s; "
            "or, if that one is lost, set spool.other.cluster=deliver, and what is in the spool "
            "and all that follows goes to %s",
            id, leat_kafka_spool_events(k), k->cluster, id, k->cluster, id);
    return leat_fail(e, LEAT_CONF, "kafka.other_cluster", k->connector,
                     "this is the cluster %s, and %" PRIu64 " events of the spool are for "
                     "%s, which has what came before them: nothing was sent. Set "
                     "bootstrap.servers to the brokers of %s; or, if that one is lost, set "
                     "spool.other.cluster=deliver, and what is in the spool and all that "
                     "follows goes to %s",
                     id, leat_kafka_spool_events(k), k->cluster, k->cluster, id);
}

/* Another one than until now. */
static leat_rc met_another(leat_kafka *k, const char *id, leat_err *e)
{
    if ((k->compared || k->spool) && !k->conf.other_cluster) return refuse(k, id, e);
    leat_log(LEAT_WARN, "kafka.cluster_changed",
             "was=%s is=%s %s goes to this cluster from here on; what was delivered before is in "
             "the other one alone. 'leat offsets %s reset' begins anew, with a snapshot",
             k->cluster, id, k->spool ? "the spool, and what follows," : "what follows",
             k->connector);
    take(k, id);
    return LEAT_OK;
}

leat_rc leat_kafka_cluster_look(leat_kafka *k, leat_err *e)
{
    const char *id = NULL;
    k->sure = !k->compared;
    k->met = k->sure && (k->spool == NULL || k->cluster[0] == 0);
    if (k->broker->ops->cluster(k->broker, &id) != LEAT_OK) return LEAT_OK;
    if (id != NULL && k->cluster[0] == 0)
        take(k, id);
    else if (id != NULL && strcmp(id, k->cluster) != 0)
        LEAT_TRY(met_another(k, id, e));
    k->compared = k->compared || id != NULL;
    k->met = k->sure = true;
    return LEAT_OK;
}
