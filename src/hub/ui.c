/* GET /ui: a page that lists connectors with their state and live counters.
 *
 * One file without anything from elsewhere; it asks /hub/v1/counters every second. What a connector
 * is called is put in as text, never as markup. */
#include "hub/inside.h"

static const char page[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>leat</title>\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n<style>\n"
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;"
    "color:#1c2b33;background:#fff}\n"
    "h1{font-size:1.4rem}table{border-collapse:collapse;width:100%}\n"
    "th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #d8e0e4}\n"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\n"
    ".RUNNING{color:#0a6b3d}.FAILED{color:#b3261e;font-weight:600}"
    ".PAUSED,.STOPPED{color:#5c6b73}.RESTARTING,.UNASSIGNED{color:#8a5a00}\n"
    "@media(prefers-color-scheme:dark){body{color:#dfe7ea;background:#12191d}"
    "th,td{border-color:#2c3940}.RUNNING{color:#5fd39a}.FAILED{color:#ff8a80}"
    ".RESTARTING,.UNASSIGNED{color:#e7b45a}}\n"
    "</style></head><body>\n<h1>Connectors</h1><p id=\"say\" role=\"status\">...</p>\n"
    "<table><thead><tr><th>Name</th><th>Type</th><th>State</th><th class=\"n\">Events</th>"
    "<th class=\"n\">Events/s</th><th class=\"n\">Dead letters</th><th class=\"n\">Behind (ms)</th>"
    "<th class=\"n\">Memory (MiB)</th></tr></thead><tbody id=\"rows\"></tbody></table>\n"
    "<script>\nlet before={},at=0;\n"
    "async function look(){\n const say=document.getElementById('say');\n try{\n"
    "  const r=await fetch('/hub/v1/counters');if(!r.ok)throw new Error(r.status);\n"
    "  const all=await r.json(),now=performance.now(),rows=document.createDocumentFragment();\n"
    "  for(const [name,k] of Object.entries(all)){\n"
    "   const n=k.type==='sink'?k.delivered:k.appended,b=before[name];\n"
    "   const rate=b===undefined?'':Math.max(0,Math.round((n-b)*1000/(now-at)));\n"
    "   const tr=document.createElement('tr');\n"
    "   [name,k.type,k.state,n,rate,k.dead,"
    "k.milliseconds_behind_source<0?'':k.milliseconds_behind_source,"
    "k.resident_bytes?(k.resident_bytes/1048576).toFixed(1):''].forEach((v,i)=>{\n"
    "    const td=document.createElement('td');td.textContent=v;"
    "if(i>2)td.className='n';if(i===2)td.className=k.state;tr.append(td);});\n"
    "   rows.append(tr);before[name]=n;}\n"
    "  at=now;document.getElementById('rows').replaceChildren(rows);\n"
    "  const count=Object.keys(all).length;"
    "say.textContent=count?count+' connectors':'There are no connectors yet: POST /connectors "
    "makes one.';\n"
    " }catch(e){say.textContent='The hub does not answer ('+e.message+').';}\n"
    " setTimeout(look,1000);}\nlook();\n</script></body></html>\n";

void leat_hub_get_ui(void *hub, leat_http_call *c)
{
    (void)hub;
    c->type = "text/html; charset=utf-8";
    c->policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    leat_buf_put(&c->out, page, sizeof page - 1);
}
